"""Serve the model over HTTP: the registry's champion, else the model of the project.

python -m src.serve [port=5001] [model=RUN_OR_FILE]

MLflow's server answers POST /invocations; docs/registry.md shows a request.
"""

import os
import sys

from src.config.command import entry_point_of, given_settings
from src.config.console import give_back_descriptor_2
from src.config.tool_schema import Serve


@entry_point_of("serve/config", Serve)
def main(config: Serve) -> None:
    import mlflow

    from src.config.ports import taken_port
    from src.registry.served_model import servable

    # A used port is told before the model is packaged, which takes seconds.
    taken_port(config.host, config.port).close()
    model = servable(config, given_settings())
    os.environ["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model]
    command += ["--env-manager", "local", "--host", config.host, "--port", str(config.port)]
    # The server's lines belong on the console.
    give_back_descriptor_2()
    os.execv(command[0], command)


if __name__ == "__main__":
    main()

"""Starting the page's server."""

import uvicorn

from src.config.ports import taken_port
from src.config.tool_schema import App
from src.page.routes import make_page
from src.page.workbench import Workbench

SECONDS_TO_END = 5


def serve(config: App) -> None:
    """Serve the page until the process is interrupted.

    Args:
        config: the configuration; see conf/app/config.yaml.

    Raises:
        InputError: the port is in use, or the model does not exist.
    """
    # The port is taken first, because loading the model takes seconds.
    with taken_port(config.host, config.port) as listening:
        bench = Workbench(config)
        # The model is compiled before the first photo comes.
        _ = bench.inspector.scorer
        port = listening.getsockname()[1]
        print(f"The page is at http://{config.host}:{port} until you press Ctrl+C", flush=True)
        settings = uvicorn.Config(
            make_page(bench),
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=SECONDS_TO_END,
        )
        try:
            uvicorn.Server(settings).run(sockets=[listening])
        finally:
            bench.close()

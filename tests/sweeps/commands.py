"""Sweeps as commands, in a folder of their own, and the runs they leave."""

import os
import signal
import subprocess
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from src.config.loader import CONF
from src.model.weights import weights_sha256
from tests.samples import small_backbone

TINY = (
    *("~local", "data.images=40", "data.image_size=96", "train.epochs=1", "features.views=1"),
    *("audit.overlaps=null", "evaluate.resamples=100"),
    "tracking.prediction_grid=4",
)


class Sweeps:
    """A folder that sweeps of tiny jobs are started in."""

    def __init__(
        self, folder: Path, python: Path, server: str | None = None, code: Path = CONF.parent
    ) -> None:
        """Make it.

        Args:
            folder: where the sweeps are started.
            python: what runs them.
            server: the address of what they track on; None: the folder itself.
            code: the project that runs.
        """
        self.folder, self.python, self.server, self.code = folder, python, server, code
        backbone = small_backbone()
        backbone.save_weights(folder / "small.weights.h5")
        self.weights = (
            "model.imagenet.path=small.weights.h5",
            f"model.imagenet.sha256={weights_sha256(backbone)}",
        )

    def start(
        self, *overrides: str, log: str = "log", python: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a sweep, in a process group of its own; its output goes to the file `log`."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
        environment |= {"PYTHONPATH": str(self.code), "RAY_USAGE_STATS_ENABLED": "0"}
        environment |= {"MLFLOW_TRACKING_URI": self.server} if self.server else {}
        with (self.folder / log).open("wb") as output:
            return subprocess.Popen(
                [python or self.python, "-m", "src.train", *self._arguments(overrides)],
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Tests that run in a script's background inherit that Ctrl-C is ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def run(self, *overrides: str, log: str = "log") -> tuple[int, str]:
        """A whole sweep: its exit status and output."""
        status = self.start(*overrides, log=log).wait()
        return status, (self.folder / log).read_text()

    def _arguments(self, overrides: tuple[str, ...]) -> list[str]:
        return ["-m", *TINY, *self.weights, *overrides]

    def runs(self, filter_string: str = "") -> list[Run]:
        """All runs that match, the earliest first."""
        client = MlflowClient(self.server or f"sqlite:///{self.folder}/mlruns/mlflow.db")
        experiments = [e.experiment_id for e in client.search_experiments()]
        order = ["attributes.start_time ASC"]
        return list(client.search_runs(experiments, filter_string, order_by=order))

    def children(self, parent: Run) -> list[Run]:
        return self.runs(f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.info.run_id}'")

"""Install PyTorch into an environment of its own, which stays out of the project."""

import subprocess
import sys
from pathlib import Path

SECONDS = 1200


def torch_python(folder: Path) -> Path | None:
    """Create an environment with torch and torchvision, and return its Python.

    On Linux the package index has the build with CUDA's libraries only: 3 GB to download. Its
    kernels for the processor are those of the build without.

    Args:
        folder: the folder of the environment.

    Returns:
        The path of the environment's Python, or None if the installation failed; the reason is
        printed.
    """
    uv = Path(sys.executable).with_name("uv")
    python = folder / "bin" / "python"
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, folder],
        [uv, "pip", "install", "--quiet", "--python", python, "torch", "torchvision"],
    ):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            told = getattr(error, "stderr", None) or str(error)
            print(f"PyTorch can't be installed, so it is left out: {told}", file=sys.stderr)
            return None
    return python

"""Compose conf/ into the one resolved file that the stages of dvc.yaml read.

python -m src.compose [overrides]   choose what `dvc repro` runs, e.g. experiment=published
python -m src.compose               compose again what was chosen last
"""

import ast
import hashlib
import sys
from pathlib import Path

import yaml

from src.config import CONF, compose_config
from src.data.files import write_text
from src.errors import InputError

CHOICE = CONF / "local" / "pipeline.yaml"
OUTPUTS = Path("outputs")


def compose_pipeline(overrides: list[str], target: Path) -> None:
    """Write the composed and checked configuration to `target`, for `--config-name resolved`.

    Raises:
        InputError: an override names an unknown setting or gives it a value that is not allowed.
    """
    config = compose_config(overrides, "pipeline")
    resolved = {"defaults": ["runtime", "_self_"], **config.model_dump()}
    write_text(target, yaml.safe_dump(resolved, sort_keys=False))


def code_fingerprints(folder: Path) -> dict[str, object]:
    """By package and module, a sha256 of the statements: blind to comments and docstrings."""
    fingerprints: dict[str, object] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py":
            statements = ast.dump(_without_docstrings(ast.parse(path.read_text())))
            fingerprints[path.stem] = hashlib.sha256(statements.encode()).hexdigest()
        elif (path / "__init__.py").exists():
            fingerprints[path.name] = code_fingerprints(path)
    return fingerprints


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        owner = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if owner and ast.get_docstring(node, clean=False) is not None:  # type: ignore[arg-type]
            del node.body[0]  # type: ignore[attr-defined]
    return tree


def main(arguments: list[str]) -> None:
    chosen = arguments or (yaml.safe_load(CHOICE.read_text()) if CHOICE.exists() else [])
    target = OUTPUTS / "resolved.yaml"
    try:
        compose_pipeline(chosen, target)
    except InputError as error:
        sys.exit(f"error: {error}")
    code = {"src": code_fingerprints(Path(__file__).parent)}
    write_text(OUTPUTS / "code.yaml", yaml.safe_dump(code))
    if arguments:
        write_text(CHOICE, yaml.safe_dump(chosen))
    print(f"{target}: {' '.join(chosen) or 'the defaults of conf/'}")


if __name__ == "__main__":
    main(sys.argv[1:])

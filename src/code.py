"""Fingerprints of this project's own code."""

import ast
import hashlib
from pathlib import Path


def code_fingerprints(folder: Path) -> dict[str, object]:
    """By package and module, the `code_fingerprint`."""
    fingerprints: dict[str, object] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py":
            fingerprints[path.stem] = code_fingerprint(path)
        elif (path / "__init__.py").exists():
            fingerprints[path.name] = code_fingerprints(path)
    return fingerprints


def code_fingerprint(module: Path) -> str:
    """A sha256 of a module's statements: blind to comments and docstrings."""
    statements = ast.dump(_without_docstrings(ast.parse(module.read_text())))
    return hashlib.sha256(statements.encode()).hexdigest()


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        owner = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if owner and ast.get_docstring(node, clean=False) is not None:  # type: ignore[arg-type]
            del node.body[0]  # type: ignore[attr-defined]
    return tree

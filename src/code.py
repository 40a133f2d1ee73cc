"""Fingerprints of this project's own code."""

import ast
import hashlib
from pathlib import Path


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

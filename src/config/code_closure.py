"""The modules of this project that a module imports, and a fingerprint of their statements.

The fingerprint shows whether code has changed. It is used by the stages of dvc.yaml, sweeps,
feature banks, records of photos and the served model.
"""

import ast
import functools
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

SRC = Path(__file__).resolve().parents[1]


def code_fingerprint(module: str) -> str:
    """Compute the SHA-256 (hex) of the statements of a module and of all modules that it imports.

    Comments, docstrings and blank lines do not count. The result is the same in every version of
    Python and in every locale.

    Args:
        module: dotted name of a module of this project, such as `src.train`.
    """
    digest = hashlib.sha256()
    for name in imported_modules(module):
        digest.update(f"{name}\n{statements(module_file(name))}\n".encode())
    return digest.hexdigest()


def imported_modules(module: str) -> list[str]:
    """Return the sorted dotted names of a module and of all that it imports of this project.

    Indirect imports and imports within functions count. Imports for type checkers only do not.
    The packages of the modules are included, as an import runs them first.
    """
    found, new = set(), {module}
    while new:
        found |= new
        imported = {name for one in new for name in imports_and_statements(module_file(one))[0]}
        new = imported.union(*map(_packages, new)) - found
    return sorted(found)


def _packages(module: str) -> list[str]:
    """Return the packages that a module is in, the outermost first."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def module_file(module: str) -> Path:
    """Return the file of a module of this project, or the `__init__.py` of a package."""
    path = SRC.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def statements(file: Path) -> str:
    """Return a Python file's source without its comments, docstrings and blank lines."""
    return imports_and_statements(file)[1]


@functools.cache
def imports_and_statements(file: Path) -> tuple[frozenset[str], str]:
    """Return what a file imports and its statements; see `_imports` and `_statements`.

    Both are read at once, because parsing takes most of the time.
    """
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    return _imports(tree), _statements(source, tree)


def _statements(source: str, tree: ast.Module) -> str:
    """Return a source without its comments, docstrings and blank lines."""
    lines = [line.encode() for line in source.split("\n")]
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    docstrings = list(_docstrings(tree))
    # The last part is removed first, so that the positions of the others stay valid.
    for (row, start), (last, end) in sorted([*_comments(tokens), *docstrings])[::-1]:
        kept = lines[row - 1][:start] + lines[last - 1][end:]
        lines[row - 1 : last] = [kept, *[b""] * (last - row)]
    documented = {row for (first, _), (last, _) in docstrings for row in range(first, last + 1)}
    # Within a string, blank lines and spaces at the end of a line are part of the statement.
    exact = _ending_in_strings(tokens) - documented
    code = (
        (line.decode() if row in exact else line.decode().rstrip(), row in exact)
        for row, line in enumerate(lines, start=1)
    )
    return "\n".join(line for line, is_exact in code if line or is_exact)


# Start and end of a part of a file. Each is a line, from 1, and a byte in the line, from 0.
Span = tuple[tuple[int, int], tuple[int, int]]


def _comments(tokens: Iterable[tokenize.TokenInfo]) -> Iterator[Span]:
    for token in tokens:
        if token.type == tokenize.COMMENT:
            start, end = (len(token.line[: at[1]].encode()) for at in (token.start, token.end))
            yield (token.start[0], start), (token.end[0], end)


def _ending_in_strings(tokens: Iterable[tokenize.TokenInfo]) -> set[int]:
    """Return the lines, from 1, whose ends lie within a string."""
    rows: set[int] = set()
    begun: list[int] = []
    for token in tokens:
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            rows |= set(range(token.start[0], token.end[0]))
        # From Python 3.12 on, an f-string is many tokens.
        elif kind == "FSTRING_START":
            begun.append(token.start[0])
        elif kind == "FSTRING_END":
            rows |= set(range(begun.pop(), token.end[0]))
    return rows


def _docstrings(tree: ast.Module) -> Iterator[Span]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Module(body=[first, *_])
                | ast.ClassDef(body=[first, *_])
                | ast.FunctionDef(body=[first, *_])
                | ast.AsyncFunctionDef(body=[first, *_])
            ):
                match first:
                    case ast.Expr(value=ast.Constant(value=str())):
                        end = first.end_lineno or first.lineno, first.end_col_offset or 0
                        yield (first.lineno, first.col_offset), end


def _imports(tree: ast.Module) -> frozenset[str]:
    """Return the dotted names of this project's modules and packages that a file imports."""
    named: set[str] = set()
    for node in _run(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = {name for name in named if name.split(".")[0] == SRC.name}
    return frozenset(name for name in ours if module_file(name).is_file())


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes under `node`, except those for type checkers only."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
        yield child
        yield from _run(child)

"""Which modules of this project a module runs, and a fingerprint of all their statements.

The stages of dvc.yaml, resumed sweeps, feature banks, photo records and the served model all ask
here whether the code that they depend on has changed.
"""

import ast
import functools
import hashlib
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).resolve().parents[1]


def code_fingerprint(module: str) -> str:
    """SHA-256 (hex) over the statements of a module and of all modules that it imports.

    Comments, docstrings and blank lines don't count. It is the same under every version of Python
    and in every locale.

    Args:
        module: a dotted name, as `src.train`.
    """
    digest = hashlib.sha256()
    for name in imported_modules(module):
        digest.update(f"{name}\n{statements(module_file(name))}\n".encode())
    return digest.hexdigest()


def imported_modules(module: str) -> list[str]:
    """The module and all of this project that it imports, directly or not, by dotted names, sorted.

    Imports within functions count, and those for type checkers alone don't.
    """
    found, new = set(), {module}
    while new:
        found |= new
        new = {name for one in new for name in _imports(module_file(one))} - found
    return sorted(found)


def module_file(module: str) -> Path:
    """The file of a module, or the `__init__.py` of a package, of this project."""
    path = SRC.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def statements(file: Path) -> str:
    """A Python file's source without its comments, docstrings and blank lines."""
    source = file.read_text(encoding="utf-8")
    lines = [line.encode() for line in source.split("\n")]
    docstrings = list(_docstrings(source))
    # From the last one on, so that a removal does not move what is removed after it.
    for (row, start), (last, end) in sorted([*_comments(source), *docstrings])[::-1]:
        kept = lines[row - 1][:start] + lines[last - 1][end:]
        lines[row - 1 : last] = [kept, *[b""] * (last - row)]
    documented = {row for (first, _), (last, _) in docstrings for row in range(first, last + 1)}
    # Within a string, blank lines and spaces at the end of a line are part of the statement.
    exact = _ending_in_strings(source) - documented
    code = (
        (line.decode() if row in exact else line.decode().rstrip(), row in exact)
        for row, line in enumerate(lines, start=1)
    )
    return "\n".join(line for line, is_exact in code if line or is_exact)


# From and to: the line, from 1 on, and the byte in it, from 0 on.
Span = tuple[tuple[int, int], tuple[int, int]]


def _comments(source: str) -> Iterator[Span]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            start, end = (len(token.line[: at[1]].encode()) for at in (token.start, token.end))
            yield (token.start[0], start), (token.end[0], end)


def _ending_in_strings(source: str) -> set[int]:
    """The lines, from 1 on, whose ends lie within a string."""
    rows: set[int] = set()
    begun: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            rows |= set(range(token.start[0], token.end[0]))
        # From Python 3.12 on, an f-string is many tokens.
        elif kind == "FSTRING_START":
            begun.append(token.start[0])
        elif kind == "FSTRING_END":
            rows |= set(range(begun.pop(), token.end[0]))
    return rows


def _docstrings(source: str) -> Iterator[Span]:
    for node in ast.walk(ast.parse(source)):
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


@functools.cache
def _imports(file: Path) -> frozenset[str]:
    """The modules and packages of this project that a file imports, by dotted names."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named: set[str] = set()
    for node in _run(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = {name for name in named if name.split(".")[0] == SRC.name}
    return frozenset(name for name in ours if module_file(name).is_file())


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes under `node` but those that only type checkers read."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
        yield child
        yield from _run(child)

"""The plan of the project: what stands where, and that names and links are right."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
FILES = sorted(path for path in SRC.rglob("*.py") if path.name != "__init__.py")
FOLDERS = sorted({path.parent for path in FILES} - {SRC})
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.md")])
MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 50  # docstring included
Function = ast.FunctionDef | ast.AsyncFunctionDef


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def twice(names: list[str]) -> set[str]:
    return {name for name, times in Counter(names).items() if times > 1}


@pytest.mark.parametrize("file", sorted(set(SRC.glob("*.py")) & set(FILES)), ids=named)
def test_the_root_of_src_holds_entry_points_and_errors(file):
    if file.name == "errors.py":
        return
    body = tree_of(file).body
    assert "main" in {node.name for node in body if isinstance(node, Function)}
    assert any(is_main_guard(node) for node in body)


def test_no_two_files_of_src_share_a_name():
    assert twice([file.name for file in FILES]) == set()


@pytest.mark.parametrize("kind", [ast.ClassDef, Function], ids=["classes", "functions"])
def test_no_two_public_definitions_of_src_share_a_name(kind):
    definitions = [node for file in FILES for node in tree_of(file).body if isinstance(node, kind)]
    public = [node.name for node in definitions if not node.name.startswith("_")]
    assert twice(public) - {"main"} == set()


@pytest.mark.parametrize("file", FILES, ids=named)
def test_files_and_functions_of_src_are_short(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_A_FILE
    functions = [node for node in ast.walk(tree_of(file)) if isinstance(node, Function)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    long = {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION}
    assert long == {}


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_each_folder_of_src_has_a_folder_of_tests(folder):
    assert list((ROOT / "tests" / folder.relative_to(SRC)).glob("test_*.py"))


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    lines = re.findall(r"^#+ (.+)$", without_code(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_to_files_and_headings_resolve(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    broken = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (heading and heading not in headings(file)):
            broken.append(target)
    assert broken == []


def tree_in(readme: str) -> Iterator[str]:
    """The paths in the README's tree: a code block of lines `PATH  what it is`, indented inside."""
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", readme, flags=re.M | re.S):
        outer = ""
        for line in block.splitlines() if language in ("", "text") else []:
            if found := re.match(r"( *)([\w./-]+) {2,}", line):
                outer = outer if found[1] else found[2]
                yield outer + found[2] if found[1] else outer


def test_the_tree_of_the_readme_names_what_there_is():
    paths = list(tree_in((ROOT / "README.md").read_text(encoding="utf-8")))
    assert "src/pipeline/" in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []

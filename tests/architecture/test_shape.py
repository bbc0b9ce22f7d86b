"""The shape of the code: short functions, little nesting, no import cycles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median, quantiles

import grimp
import pytest

PACKAGE = Path(__file__).parents[2] / "agentdb"
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> dict[str, tuple[Function, list[str]]]:
    """Every function of the package under its place, with the lines of its file."""
    found: dict[str, tuple[Function, list[str]]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, FUNCTIONS):
                place = f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}"
                found[place] = node, source.splitlines()
    return found


def length(function: Function, lines: list[str]) -> int:
    """Lines of a function, without its docstring and blank lines."""
    assert function.end_lineno is not None
    own = set(range(function.lineno, function.end_lineno + 1))
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        assert docstring.end_lineno is not None
        own -= set(range(docstring.lineno, docstring.end_lineno + 1))
    return sum(1 for number in own if lines[number - 1].strip())


def depth(node: ast.AST) -> int:
    """How many blocks stand inside each other; an `elif` is no deeper than its `if`."""
    return max((_depth_below(node, child) for child in _children(node)), default=0)


def _depth_below(node: ast.AST, child: ast.AST) -> int:
    elif_branch = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
    return depth(child) + (isinstance(child, BLOCKS) and not elif_branch)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    scopes = (*FUNCTIONS, ast.ClassDef, ast.Lambda)
    return (child for child in ast.iter_child_nodes(node) if not isinstance(child, scopes))


def test_no_function_is_longer_than_an_eye_can_hold() -> None:
    lengths = {place: length(*function) for place, function in functions().items()}
    assert {place: lines for place, lines in lengths.items() if lines > 40} == {}


def test_most_functions_are_short() -> None:
    lengths = [length(*function) for function in functions().values()]
    assert median(lengths) <= 7
    assert quantiles(lengths, n=10)[-1] <= 22


def test_nothing_is_nested_deeper_than_three_blocks() -> None:
    depths = {place: depth(function) for place, (function, _) in functions().items()}
    assert {place: deep for place, deep in depths.items() if deep > 3} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("agentdb", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()


@pytest.mark.parametrize(
    ("body", "deep"),
    [
        ("return 1", 0),
        ("if a:\n  pass\n elif b:\n  pass\n elif c:\n  pass", 1),
        ("for a in b:\n  if a:\n   with c:\n    try:\n     pass\n    finally:\n     pass", 4),
        ("def g():\n  if a:\n   if b:\n    pass", 0),
    ],
)
def test_depth_counts_blocks(body: str, deep: int) -> None:
    assert depth(ast.parse(f"def f():\n {body}").body[0]) == deep


def test_length_leaves_out_docstring_and_blank_lines() -> None:
    source = 'def f():\n    """Two\n\n    lines."""\n\n    return 1\n'
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert length(function, source.splitlines()) == 2

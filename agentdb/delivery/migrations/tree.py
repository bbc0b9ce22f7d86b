"""A repository's files by name: read once, for all the questions about it."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from agentdb.errors import UnclearRepository

_NOT_OURS = frozenset(
    {"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "target", "venv"}
)


@dataclass(frozen=True, slots=True)
class Tree:
    """The files below `root`, without hidden folders and what tools put there themselves."""

    root: Path
    files: tuple[PurePath, ...]  # relative, in the order of their names

    def named(self, name: str) -> tuple[PurePath, ...]:
        """Return the files of one name, wherever they are."""
        return tuple(file for file in self.files if file.name == name)

    def inside(self, folder: PurePath) -> tuple[PurePath, ...]:
        """Return the files that lie in a folder, not deeper."""
        return tuple(file for file in self.files if file.parent == folder)

    def below(self, folder: PurePath) -> tuple[PurePath, ...]:
        """Return the files of a folder and of the folders in it."""
        return tuple(file for file in self.files if folder in file.parents)

    def text(self, file: PurePath) -> str:
        """Return a file's text; raise UnclearRepository if it cannot be read."""
        try:
            return (self.root / file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UnclearRepository(f"{file} cannot be read: {error}") from error

    def module(self, file: PurePath) -> ast.Module:
        """Return a Python file as a tree: nothing of somebody else's code is ever run."""
        try:
            return ast.parse(self.text(file))
        except (SyntaxError, ValueError) as error:
            raise UnclearRepository(f"{file} is no Python that can be read: {error}") from error


def read_tree(repository: Path) -> Tree:
    """Return the files of a repository; raise UnclearRepository if there is no such folder."""
    if not repository.is_dir():
        raise UnclearRepository(f"there is no folder {repository}: say where with --repository")
    return Tree(repository, tuple(sorted(_files(repository))))


def _files(root: Path) -> Iterator[PurePath]:
    for folder, folders, files in os.walk(root):
        folders[:] = [n for n in folders if n not in _NOT_OURS and not n.startswith(".")]
        relative = PurePath(folder).relative_to(root)
        yield from (relative / name for name in files)


def assigned(body: list[ast.stmt], name: str) -> ast.expr | None:
    """Return what is assigned to a name in a module or a class, if anything is."""
    for node in body:
        if isinstance(node, ast.Assign) and any(_is(target, name) for target in node.targets):
            return node.value
        if isinstance(node, ast.AnnAssign) and _is(node.target, name):
            return node.value
    return None


def _is(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name

"""A branch with a migration, pushed to a git repository; nobody's working tree is touched.

All happens in a shallow clone of its own, without the user's hooks and without a question on a
terminal. The token reaches git through its environment: it stands in no URL, argument or file.
"""

from __future__ import annotations

import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal, Protocol

from agentdb.errors import RepositoryRefused

Push = Literal["pushed", "unchanged", "contained", "theirs"]
"""What came of a push: done; there already; in the base already; somebody has worked on it."""

COMMITTER = "agentdb"
_EMAIL = "agentdb@noreply.invalid"
_TRAILER = "Agentdb-Files"
_TIMEOUT_SECONDS = 300
_SHOWN = 200  # characters of what git said

# What of the user's environment says how to reach a server. The rest would point git elsewhere,
# or (GIT_TRACE_CURL) write the token to a terminal.
_KEPT = re.compile("(?!GIT_)|GIT_(SSH|SSL_|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)$)")
_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "http.followRedirects": "false",
    "gc.auto": "0",
}
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}


class File(Protocol):
    """A file to be committed: its path below the repository, and its text."""

    @property
    def path(self) -> Path:
        """Where it belongs."""

    @property
    def text(self) -> str:
        """What is in it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What git tells a server over https: a header for the addresses below `url` alone."""

    url: str
    user: str
    token: str = field(repr=False)

    def config(self) -> Mapping[str, str]:
        """Return the settings of git that make it send the token, and ask nobody else for one."""
        secret = b64encode(f"{self.user}:{self.token}".encode()).decode()
        header = f"Authorization: Basic {secret}"
        return {f"http.{self.url}/.extraHeader": header, "credential.helper": ""}


class Repository:
    """A shallow clone of one branch, the base; `folder` holds its files as they are there."""

    def __init__(
        self, address: str, base: str, folder: Path, credentials: Credentials | None = None
    ) -> None:
        self.folder = folder
        self._address = address
        self._base = base
        self._credentials = credentials

    def clone(self) -> None:
        """Fetch the base; raises RepositoryRefused if it is not to be had."""
        options = ("--quiet", "--depth=1", "--single-branch", "--no-tags")
        self.folder.mkdir(parents=True)
        self._git("clone", *options, f"--branch={self._base}", "--", self._address, ".")

    def push(self, branch: str, files: Sequence[File], message: str) -> Push:
        """Let a branch be the base with these files, unless it is so already.

        The same files on the same base are the same commit. Commits of others on the branch are
        left alone.
        """
        contents = _digest(files)
        tip = self._tip(branch)
        if tip is not None:
            committer, _, written = self._described(branch).partition("\n")
            if committer != _EMAIL:
                return "theirs"
            if contents in written:
                return "unchanged"
        tree = self._tree(files)
        if tree == self._git("rev-parse", "HEAD^{tree}"):
            return "contained"
        commit = self._commit(tree, f"{message}\n\n{_TRAILER}: {contents}\n")
        # Only over what was seen a moment ago; nothing, if there was no branch.
        lease = f"--force-with-lease=refs/heads/{branch}:{tip or ''}"
        self._git("push", "--quiet", lease, "origin", f"{commit}:refs/heads/{branch}")
        return "pushed"

    def _tip(self, branch: str) -> str | None:
        listed = self._git("ls-remote", "origin", f"refs/heads/{branch}")
        return listed.split()[0] if listed else None

    def _described(self, branch: str) -> str:
        """Return who committed the tip of a branch, and below that its message."""
        self._git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", f"refs/heads/{branch}")
        return self._git("show", "--no-patch", "--format=%ce%n%B", "FETCH_HEAD")

    def _tree(self, files: Sequence[File]) -> str:
        index = {"GIT_INDEX_FILE": str(self.folder / ".git" / "agentdb-index")}
        self._git("read-tree", "HEAD", environment=index)
        for file in files:
            blob = self._git("hash-object", "-w", "--stdin", stdin=file.text)
            entry = f"100644,{blob},{_checked(file.path)}"
            self._git("update-index", "--add", "--cacheinfo", entry, environment=index)
        return self._git("write-tree", environment=index)

    def _commit(self, tree: str, message: str) -> str:
        moment = self._git("show", "--no-patch", "--format=%cI", "HEAD")
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", COMMITTER), ("EMAIL", _EMAIL), ("DATE", moment))
        }
        return self._git("commit-tree", tree, "-p", "HEAD", stdin=message, environment=who)

    def _git(
        self, *words: str, stdin: str = "", environment: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        config = self._credentials.config() if self._credentials else {}
        return _git(words, self.folder, config, stdin=stdin, environment=environment)


def origin_of(checkout: Path) -> str:
    """Return the address that a checkout was cloned from; raises RepositoryRefused."""
    if not checkout.is_dir():
        raise RepositoryRefused(f"--repository {checkout}: there is no such folder")
    try:
        return _git(("remote", "get-url", "origin"), checkout, {})
    except RepositoryRefused as error:
        raise RepositoryRefused(
            f"{checkout} is no checkout with a remote `origin`: name a repository with "
            "--repository URL"
        ) from error


def _git(
    words: Sequence[str],
    folder: Path,
    config: Mapping[str, str],
    *,
    stdin: str = "",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and every word is ours or checked
            ["git", *words],  # noqa: S607 - whichever the user has
            cwd=folder,
            env={**_environment(config), **environment},
            input=stdin,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            start_new_session=True,  # away from the terminal, where ssh would ask
        )
    except FileNotFoundError as error:
        raise RepositoryRefused("pull requests need git: install it") from error
    except subprocess.TimeoutExpired:
        raise RepositoryRefused(f"git {words[0]} did not end: try again later") from None
    if done.returncode:
        raise RepositoryRefused(f"git {words[0]} failed: {_last_words(done.stderr, config)}")
    return done.stdout.strip()


def _environment(config: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git: the user's way to servers, our settings, no questions."""
    kept = {name: value for name, value in os.environ.items() if _KEPT.match(name)}
    settings = {"GIT_CONFIG_COUNT": str(len(_CONFIG) + len(config))}
    for place, (key, value) in enumerate({**_CONFIG, **config}.items()):
        settings |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return {**kept, **_QUIET, **settings}


def _last_words(stderr: str, config: Mapping[str, str]) -> str:
    """Return what git complains of, on one line, without what it was told in secret."""
    lines = [
        line for line in stderr.splitlines() if line.startswith(("fatal:", "error:", "remote:"))
    ]
    said = "; ".join(line.partition(":")[2].strip() for line in lines) or stderr.strip()
    for secret in filter(None, config.values()):
        said = said.replace(secret, "…")
    return said[:_SHOWN] or "without a word"


def _digest(files: Sequence[File]) -> str:
    texts = (f"{_checked(file.path)}\0{file.text}\0" for file in files)
    return sha256("".join(texts).encode()).hexdigest()


def _checked(path: Path) -> PurePosixPath:
    """Return a path that stays inside the repository."""
    inside = PurePosixPath(path.as_posix())
    if inside.is_absolute() or not inside.parts or {"..", ".git"} & set(inside.parts):
        raise RepositoryRefused(f"{inside} is no place for a file in a repository")
    return inside

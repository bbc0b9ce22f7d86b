"""A branch pushed to a real bare repository: once, and nobody's work is touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentdb.delivery.repository import Credentials, Repository, origin_of
from agentdb.errors import RepositoryRefused
from tests.forges import TOKEN, Loopback, commit, git, loopback, make_bare

BRANCH = "agentdb/create-index-orders-1a2b"


@dataclass(frozen=True)
class File:
    path: Path
    text: str


INDEX = File(Path("migrations/0002_index.sql"), "CREATE INDEX CONCURRENTLY …;\n")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    bare = tmp_path / "bare.git"
    make_bare(bare)
    return bare


@pytest.fixture
def repository(bare: Path, tmp_path: Path) -> Repository:
    return cloned(bare, tmp_path / "clone")


def cloned(bare: Path, folder: Path) -> Repository:
    repository = Repository(f"file://{bare}", "main", folder)
    repository.clone()
    return repository


def tip(bare: Path, branch: str = BRANCH) -> str:
    return git(bare, "rev-parse", f"refs/heads/{branch}")


def test_a_branch_is_the_base_with_the_files(repository: Repository, bare: Path) -> None:
    assert (repository.folder / "README").read_text() == "orders\n"
    assert repository.push(BRANCH, [INDEX], "Index on orders") == "pushed"
    assert git(bare, "diff", "--name-status", "main", BRANCH) == "A\tmigrations/0002_index.sql"
    assert git(bare, "show", f"{BRANCH}:migrations/0002_index.sql") == INDEX.text.strip()
    assert git(bare, "log", "--format=%s", f"main..{BRANCH}") == "Index on orders"


def test_the_same_files_are_pushed_once(repository: Repository, bare: Path, tmp_path: Path) -> None:
    repository.push(BRANCH, [INDEX], "Index on orders")
    before = tip(bare)
    assert cloned(bare, tmp_path / "again").push(BRANCH, [INDEX], "Index") == "unchanged"
    assert tip(bare) == before


def test_the_same_files_on_the_same_base_are_the_same_commit(
    repository: Repository, bare: Path, tmp_path: Path
) -> None:
    repository.push(BRANCH, [INDEX], "Index on orders")
    before = tip(bare)
    git(bare, "update-ref", "-d", f"refs/heads/{BRANCH}")
    assert cloned(bare, tmp_path / "again").push(BRANCH, [INDEX], "Index on orders") == "pushed"
    assert tip(bare) == before


def test_a_file_that_changed_or_was_renamed_replaces_the_old_one(
    repository: Repository, bare: Path
) -> None:
    repository.push(BRANCH, [INDEX], "Index on orders")
    renamed = File(Path("migrations/0003_index.sql"), INDEX.text)
    assert repository.push(BRANCH, [renamed], "Index on orders") == "pushed"
    assert git(bare, "diff", "--name-status", "main", BRANCH) == "A\tmigrations/0003_index.sql"


def test_a_base_that_went_on_is_no_reason_to_push(
    repository: Repository, bare: Path, tmp_path: Path
) -> None:
    repository.push(BRANCH, [INDEX], "Index on orders")
    commit(bare, "main", {"other": "work"})
    assert cloned(bare, tmp_path / "again").push(BRANCH, [INDEX], "Index") == "unchanged"


def test_commits_of_others_are_left_alone(repository: Repository, bare: Path) -> None:
    repository.push(BRANCH, [INDEX], "Index on orders")
    theirs = commit(bare, BRANCH, {"migrations/0002_index.sql": "better"})
    changed = File(INDEX.path, "CREATE INDEX CONCURRENTLY other …;\n")
    assert repository.push(BRANCH, [changed], "Index on orders") == "theirs"
    assert tip(bare) == theirs


def test_what_the_base_has_is_not_pushed(bare: Path, tmp_path: Path) -> None:
    commit(bare, "main", {str(INDEX.path): INDEX.text})
    assert cloned(bare, tmp_path / "clone").push(BRANCH, [INDEX], "Index") == "contained"
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_branch_made_in_the_same_moment_is_not_overwritten(
    repository: Repository, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = repository._tip  # noqa: SLF001 - between looking and pushing

    def look(branch: str) -> str | None:
        found = seen(branch)
        commit(bare, branch, {"theirs": "first"})
        return found

    monkeypatch.setattr(repository, "_tip", look)
    with pytest.raises(RepositoryRefused, match="git push failed"):
        repository.push(BRANCH, [INDEX], "Index on orders")
    assert git(bare, "show", f"{BRANCH}:theirs") == "first"


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", ".git/hooks/post-checkout", "."])
def test_a_file_stays_inside(repository: Repository, path: str) -> None:
    with pytest.raises(RepositoryRefused, match="no place for a file"):
        repository.push(BRANCH, [File(Path(path), "")], "Index")


def test_hooks_and_settings_of_the_user_do_not_meddle(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks, ran = tmp_path / "hooks", tmp_path / "ran"
    hooks.mkdir()
    for name in ("post-checkout", "pre-push", "pre-commit", "post-index-change"):
        hook = hooks / name
        hook.write_text(f"#!/bin/sh\necho {name} >> {ran}\nexit 1\n")
        hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    home = tmp_path / "gitconfig"
    home.write_text(
        f"[core]\n hooksPath = {hooks}\n autocrlf = true\n[commit]\n gpgsign = true\n"
        "[user]\n useConfigOnly = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    made = cloned(bare, tmp_path / "clone").push(BRANCH, [INDEX], "Index on orders")
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert made == "pushed"
    assert not ran.exists()
    assert git(bare, "show", f"{BRANCH}:migrations/0002_index.sql") == INDEX.text.strip()


def test_a_base_that_is_not_there_is_said(bare: Path, tmp_path: Path) -> None:
    repository = Repository(f"file://{bare}", "master", tmp_path / "clone")
    with pytest.raises(RepositoryRefused, match=r"git clone failed: .*master not found"):
        repository.clone()


# A checkout --------------------------------------------------------------------------------------


def test_a_checkout_says_where_it_came_from_and_stays_as_it_is(bare: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", str(bare), str(checkout))
    (checkout / "README").write_text("in the middle of something")
    before = git(checkout, "status", "--porcelain"), git(checkout, "rev-parse", "HEAD")
    assert origin_of(checkout) == str(bare)
    cloned(bare, tmp_path / "clone").push(BRANCH, [INDEX], "Index on orders")
    assert (git(checkout, "status", "--porcelain"), git(checkout, "rev-parse", "HEAD")) == before
    assert git(checkout, "branch", "--list", "agentdb/*") == ""


@pytest.mark.parametrize(
    ("make", "says"), [(True, "no checkout with a remote"), (False, "there is no such folder")]
)
def test_a_folder_that_is_no_checkout_is_said(tmp_path: Path, make: bool, says: str) -> None:
    folder = tmp_path / "plain"
    if make:
        folder.mkdir()
    with pytest.raises(RepositoryRefused, match=says):
        origin_of(folder)


# The token ---------------------------------------------------------------------------------------


@pytest.fixture(params=["github", "gitlab"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Loopback]:
    with loopback(request.param, tmp_path / "served") as served:
        yield served


def test_the_token_reaches_the_server_and_no_argument_or_file(
    served: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = spy_on_git(tmp_path, monkeypatch)
    folder = tmp_path / "clone"
    repository = Repository(served.address, "main", folder, served.credentials)
    repository.clone()
    assert repository.push(BRANCH, [INDEX], "Index on orders") == "pushed"
    assert BRANCH in served.branches()
    credentials = served.credentials.config()
    secrets = [TOKEN, next(iter(credentials.values())).rpartition(" ")[2]]
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert "push" in words.read_text()
    for secret in secrets:
        assert secret not in words.read_text()
        assert [text for text in texts if secret.encode() in text] == []


def spy_on_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a `git` of ours write down its arguments before the real one runs."""
    real = git(tmp_path, "--exec-path") + "/git"
    spy, words = tmp_path / "bin" / "git", tmp_path / "words"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {words}\nexec {real} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
    return words


def test_a_token_that_is_refused_is_said_and_not_shown(
    served: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = Credentials(served.url, "someone", "ghp_wrongwrong")
    repository = Repository(served.address, "main", tmp_path / "clone", wrong)
    with pytest.raises(RepositoryRefused) as caught:
        repository.clone()
    shown = str(caught.value) + repr(wrong) + repr(repository) + "".join(capfd.readouterr())
    assert "git clone failed" in shown
    assert "ghp_wrongwrong" not in shown
    assert next(iter(wrong.config().values())).rpartition(" ")[2] not in shown


def test_a_trace_that_the_user_asked_for_does_not_show_the_token(
    served: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("GIT_TRACE", "GIT_TRACE_CURL", "GIT_CURL_VERBOSE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("GIT_TRACE_REDACT", "0")
    Repository(served.address, "main", tmp_path / "clone", served.credentials).clone()
    assert capfd.readouterr() == ("", "")

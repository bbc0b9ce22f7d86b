"""What the pages say about memory runs as it stands there."""

from __future__ import annotations

import re
from datetime import timedelta
from doctest import DocTestParser, DocTestRunner
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

import agentdb
from agentdb.database import make_engine
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.repositories.snapshots import SnapshotRepository
from tests.acceptance.running import open_shop, serve
from tests.readings import MONDAY, TARGET, daily

ROOT = Path(__file__).parents[2]
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
PAGES = ("memory", "attach", "conversations", "prompts-and-states")


def blocks(page: str) -> str:
    """The Python of a page, in its order."""
    return "\n".join(PYTHON.findall((ROOT / page).read_text(encoding="utf-8")))


@pytest.mark.model
@pytest.mark.parametrize("page", [f"docs/{name}.md" for name in PAGES])
def test_the_page_runs(database_url: str, page: str) -> None:
    names: dict[str, object] = {"url": database_url}
    exec(blocks(page), names)  # noqa: S102 - our own page
    names["engine"].dispose()  # type: ignore[attr-defined]


def test_the_page_about_ingestion_runs(database_url: str) -> None:
    names: dict[str, object] = {"url": database_url}
    exec(blocks("docs/ingestion.md"), names)  # noqa: S102 - our own page
    names["engine"].dispose()  # type: ignore[attr-defined]


def test_the_page_about_outcomes_runs(database_url: str) -> None:
    names: dict[str, object] = {"url": database_url}
    exec(blocks("docs/outcomes.md"), names)  # noqa: S102 - our own page
    names["engine"].dispose()  # type: ignore[attr-defined]


def test_the_page_about_regressions_runs(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = make_engine(database_url)
    with Session(engine) as session:
        for reading in daily(weeks=4, factor=3, only="c"):
            SnapshotRepository(session).keep(reading)
        session.commit()
    engine.dispose()
    target = f"postgresql://nobody@{TARGET}"  # which is not asked
    names = {"url": database_url, "target": target, "now": MONDAY + timedelta(weeks=4)}
    exec(blocks("docs/regressions.md"), names)  # noqa: S102 - our own page
    printed = capsys.readouterr().out
    assert printed.startswith("SELECT c ")
    assert "a setting changed" in printed
    assert printed.splitlines()[-1].startswith("unchanged Figure(")


def test_the_page_about_integrations_runs(database_url: str) -> None:
    names: dict[str, object] = {"url": database_url}
    exec(blocks("docs/integrations.md"), names)  # noqa: S102 - our own page
    names["engine"].dispose()  # type: ignore[attr-defined]


def test_the_page_about_snapshots_runs(database_url: str, target_url: str) -> None:
    open_shop(target_url)
    names: dict[str, object] = {
        "url": database_url,
        "target": target_url,
        "work": lambda: serve(target_url),
    }
    exec(blocks("docs/snapshots.md"), names)  # noqa: S102 - our own page
    names["engine"].dispose()  # type: ignore[attr-defined]
    assert names["report"].calls == 60  # type: ignore[attr-defined]


@pytest.mark.model
def test_the_few_lines_of_the_readme_run(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = make_engine(database_url)
    text = blocks("README.md").replace("make_engine(url)", "engine")
    exec(text, {"engine": engine})  # noqa: S102 - our own page
    engine.dispose()
    assert capsys.readouterr().out == "Ada prefers tea\n"


@pytest.mark.parametrize("name", agentdb.__all__)
def test_the_example_of_each_name_of_the_front_door_runs(database_url: str, name: str) -> None:
    names = {each: getattr(agentdb, each) for each in agentdb.__all__}
    engine = make_engine(database_url)
    with Session(engine) as session:
        names |= {"url": database_url, "session": session, "text": text}
        names["embedder"] = HashingEmbedder()
        example = DocTestParser().get_doctest(names[name].__doc__, names, name, None, None)
        assert example.examples
        assert DocTestRunner().run(example).failed == 0
    engine.dispose()


def test_the_front_door_is_a_dozen_names() -> None:
    assert len(agentdb.__all__) <= 12


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        agentdb.nonsense  # noqa: B018

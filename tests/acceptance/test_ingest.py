"""`agentdb ingest` and `search`, as a shell sees them."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import AGENTDB, agentdb, complaint, environment, printed
from tests.servers import reachable_folder, value

HANDBOOK = """# Handbook

## Returns

A kettle may be returned within thirty days.

## Warranty

Two years on all parts.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of text, Markdown, CSV, JSONL and a file that is none of it."""
    folder = tmp_path / "shop"
    (folder / "more").mkdir(parents=True)
    (folder / "handbook.md").write_text(HANDBOOK, encoding="utf-8")
    (folder / "more" / "notes.txt").write_text("The printer is upstairs.", encoding="utf-8")
    (folder / "faq.csv").write_text(
        "question,answer\nopen?,On Sundays we are closed.\nwhere?,In Berlin.\n", encoding="utf-8"
    )
    (folder / "log.jsonl").write_text(
        '{"text": "ERR-4711 means no water"}\n{broken\n', encoding="utf-8"
    )
    (folder / "picture.bin").write_bytes(b"\x89PNG\0\0")
    return folder


def ingested(folder: Path, url: str, *options: str) -> dict[str, Any]:
    summary: dict[str, Any] = printed(
        "ingest", str(folder), "--text-from", "answer", *options, database_url=url
    )
    return summary


def counts(summary: dict[str, Any]) -> tuple[int, ...]:
    return tuple(summary[name] for name in ("new", "replaced", "unchanged"))


def sources(found: list[dict[str, Any]]) -> list[str]:
    return [Path(each["memory"]["subject"]).name for each in found]


def test_a_folder_is_ingested_again_and_again(folder: Path, database_url: str) -> None:
    (folder / "log.jsonl").write_text('{"answer": "ERR-4711: no water"}\n{broken\n')
    first = ingested(folder, database_url)
    assert counts(first) == (5, 0, 0)
    assert first["chunks"] == 5
    reasons = {Path(each["source"]).name: each["reason"] for each in first["unreadable"]}
    assert set(reasons) == {"picture.bin", "log.jsonl#2"}
    assert counts(ingested(folder, database_url)) == (0, 0, 5)

    (folder / "handbook.md").write_text(HANDBOOK.replace("thirty", "ninety"), encoding="utf-8")
    (folder / "more" / "notes.txt").unlink()
    assert counts(ingested(folder, database_url)) == (0, 1, 3)
    found = printed("search", "kettle returned", "-k", "1", database_url=database_url)
    assert "ninety days" in found[0]["memory"]["content"]
    assert "notes.txt" in sources(printed("search", "printer", database_url=database_url))

    gone = agentdb("forget", "--subject", f"{folder}/more/notes.txt", database_url=database_url)
    assert gone.stderr == "forgotten: 1\n"
    assert "notes.txt" not in sources(printed("search", "printer", database_url=database_url))


def test_the_table_counts_and_the_errors_are_named(folder: Path, database_url: str) -> None:
    done = agentdb("ingest", str(folder), database_url=database_url)
    assert done.returncode == 0, done.stderr
    assert "unreadable" in done.stdout
    told = done.stderr.splitlines()
    assert [line.partition(": ")[0].removeprefix(f"{folder}/") for line in told] == [
        "faq.csv",
        "log.jsonl#2",
        "picture.bin",
    ]


def test_a_search_shows_source_headings_and_text(database_url: str) -> None:
    parts = "\n\n".join(f"## Part {n}\n\n{'words ' * 300}of {n}." for n in range(3))
    with reachable_folder() as short:
        (short / "a.md").write_text(f"# Handbook\n\n{parts}", encoding="utf-8")
        agentdb("ingest", str(short), database_url=database_url)
        shown = agentdb("search", "words", "--explain", database_url=database_url).stdout
        assert f"{short}/a.md" in shown
    assert "Handbook > Part 2" in shown
    assert "«words» «words»" in shown
    assert "exact" in shown


def test_a_search_finds_names_and_is_narrowed_by_tag(folder: Path, database_url: str) -> None:
    ingested(folder, database_url, "--tag", "shop", "--tag", "help")
    agentdb("remember", "a memory of the kettle", database_url=database_url)
    search = ("search", "kettle", "--tag", "shop", "--tag", "help")
    assert sources(printed(*search, database_url=database_url))[0] == "handbook.md"
    assert printed(*search, "--tag", "other", database_url=database_url) == []
    assert printed(*search, "--namespace", "other", database_url=database_url) == []
    everything = printed("search", "memory of the kettle", database_url=database_url)
    assert {each["memory"]["kind"] for each in everything} == {"chunk"}


def test_a_tag_given_later_is_there_later(folder: Path, database_url: str) -> None:
    ingested(folder, database_url)
    assert counts(ingested(folder, database_url, "--tag", "new"))[1:] == (4, 0)
    assert printed("search", "kettle", "--tag", "new", database_url=database_url)


@pytest.mark.model
def test_a_search_finds_by_meaning(folder: Path, database_url: str) -> None:
    settings = {"database_url": database_url, "embedding_model": "all-MiniLM-L6-v2"}
    printed("ingest", str(folder), "--text-from", "answer", **settings)
    found = printed("search", "office equipment", "-k", "1", **settings)
    assert sources(found) == ["notes.txt"]


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_interrupted_is_finished_by_the_next(
    tmp_path: Path, database_url: str, asked: signal.Signals
) -> None:
    rows = "\n".join(f"text number {n} of very many" for n in range(20_000))
    (tmp_path / "rows.csv").write_text(f"text\n{rows}\n", encoding="utf-8")
    documents = "SELECT count(DISTINCT subject) FROM agentdb.entries"
    with subprocess.Popen(  # noqa: S603
        [*AGENTDB, "ingest", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(database_url=database_url),
    ) as run:
        deadline = time.monotonic() + 60
        while not value(database_url, documents):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        run.send_signal(asked)
        told = run.communicate(timeout=60)[1]
    assert told == ("agentdb: interrupted\n" if asked == signal.SIGINT else "")
    there = value(database_url, documents)
    assert isinstance(there, int)
    assert 0 < there < 20_000
    (tmp_path / "rows.csv").write_text(
        "\n".join(["text", *rows.split("\n")[: there + 500]]), encoding="utf-8"
    )
    done = printed("ingest", str(tmp_path), database_url=database_url)
    assert done["unchanged"] >= there
    assert done["unchanged"] + done["new"] == there + 500
    assert value(database_url, "SELECT max(times) FROM agentdb.entries") == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["none.txt"], "none.txt: No such file or directory"),
        (["x" * 300], "File name too long"),
        (["empty"], "there is no file to read in"),
        (["empty.txt"], "empty: there is no text in it"),
        (["none.txt", "empty.txt"], "empty.txt: empty"),
        (["rows.csv"], "say which field holds the text"),
    ],
)
def test_where_nothing_can_be_read_one_line_says_why(
    tmp_path: Path, database_url: str, names: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    paths = [str(tmp_path / name) for name in names]
    assert said in complaint(agentdb("ingest", *paths, database_url=database_url))


def test_a_path_must_be_given(database_url: str) -> None:
    assert agentdb("ingest", database_url=database_url).returncode == 2


@pytest.mark.parametrize("asked", ["", "  ", "a" * 100_001])
def test_a_search_for_nothing_says_so(database_url: str, asked: str) -> None:
    assert "the text" in complaint(agentdb("search", asked, database_url=database_url))


def test_where_nothing_was_ingested_a_search_says_what_to_do(database_url: str) -> None:
    done = agentdb("search", "kettle", database_url=database_url)
    assert done.returncode == 0
    assert "agentdb ingest PATH" in done.stderr

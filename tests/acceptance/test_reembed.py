"""`agentdb reembed`, as a shell sees it."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.running import agentdb, complaint, printed


def test_to_another_model_and_back(database_url: str) -> None:
    for n in range(12):
        agentdb("remember", f"note {n} about tea", database_url=database_url)
    done = printed("reembed", "--model", "hashing-64", "--sample", "5", database_url=database_url)
    assert (done["before"], done["now"], done["embedded"]) == ("hashing", "hashing-64", 12)
    assert (done["sample"], done["switched"]) == (5, True)
    refused = agentdb("recall", "tea", database_url=database_url)
    assert refused.returncode == 1
    assert "are of the model hashing-64" in complaint(refused)
    new = {"database_url": database_url, "embedding_model": "hashing-64"}
    assert len(printed("recall", "tea", **new)) == 10
    back = agentdb("reembed", "--rollback", database_url=database_url)
    assert "from now on: AGENTDB_EMBEDDING_MODEL=hashing" in back.stderr
    assert len(printed("recall", "tea", database_url=database_url)) == 10
    gone = agentdb("reembed", "--drop-old", database_url=database_url)
    assert "forgotten: the vectors of hashing-64" in gone.stderr
    nowhere = agentdb("reembed", "--rollback", database_url=database_url)
    assert (nowhere.returncode, "nothing" in nowhere.stdout) == (1, False)
    assert "no vectors of a model of before" in complaint(nowhere)


def test_what_to_do_has_to_be_said_once(database_url: str) -> None:
    for words in ((), ("--rollback", "--drop-old"), ("--model", "hashing", "--rollback")):
        done = agentdb("reembed", *words, database_url=database_url)
        assert (done.returncode, complaint(done)) == (
            1,
            "say one of --model NAME, --rollback and --drop-old",
        )


def test_a_model_that_is_none_is_refused_in_one_line(database_url: str) -> None:
    for name in ("hashing-0", "hashing-x", "hashing-99999"):
        done = agentdb("reembed", "--model", name, database_url=database_url)
        assert done.returncode == 1
        assert "is no model: write hashing" in complaint(done)


def test_rows_that_are_gone_are_pruned_and_categories_searched(
    database_url: str, tmp_path: Path
) -> None:
    table = tmp_path / "faq.csv"
    table.write_text("text,category\nthe kettle,a\nthe pot,b\n", encoding="utf-8")
    printed("ingest", str(table), database_url=database_url)
    only = printed("search", "the kettle pot", "--category", "b", database_url=database_url)
    assert [each["memory"]["content"] for each in only] == ["the pot"]
    table.write_text("text,category\nthe kettle,a\n", encoding="utf-8")
    assert printed("ingest", str(table), "--prune", database_url=database_url)["pruned"] == 1
    assert len(printed("search", "the kettle pot", database_url=database_url)) == 1
    shown = agentdb("ingest", str(table), "--prune", database_url=database_url).stdout
    assert "pruned" in shown

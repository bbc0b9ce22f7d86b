from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import datetime
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from agentdb.database import session as transaction
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import NotFound, StatusRefused
from agentdb.models.audit import AuditRow
from agentdb.models.optimization import OptimizationEventRow, OptimizationRow, Status
from agentdb.repositories.advice import (
    Advice,
    Embedding,
    NewOptimization,
    StatementEffect,
)
from agentdb.repositories.audits import AuditRepository
from agentdb.repositories.optimizations import OptimizationRepository

TARGET = "shop.example/shop"
EFFECT = StatementEffect(
    fingerprint="1f",
    query="SELECT * FROM orders WHERE customer_id = $1 -- 100%",
    before_ms=41.2,
    after_ms=0.3,
    before_blocks=11_005,
    after_blocks=23,
    calls=1200,
)


@pytest.fixture
def record(session: Session) -> OptimizationRepository:
    return OptimizationRepository(session)


def embedding(text: str, model: str = "hashing") -> Embedding:
    return Embedding(model, HashingEmbedder().embed([text])[0])


def advice(
    definition: str = "public.orders USING btree (customer_id)",
    features: str = "reads; equality on number column; one table",
    target: str = TARGET,
) -> NewOptimization:
    return NewOptimization(
        target=target,
        kind="create_index",
        title=f"Index {definition}",
        schema_name="public",
        table_name="orders",
        sql=f"CREATE INDEX CONCURRENTLY i ON {definition}",
        rollback_sql="DROP INDEX CONCURRENTLY i",
        definition=definition,
        reasoning="Every call reads the whole table for two rows.",
        confidence=0.93,
        evidence="measured",
        gain_percent=99.1,
        size_bytes=25_690_112,
        statements=(EFFECT,),
        plan_before=[{"Plan": {"Node Type": "Seq Scan"}}],
        evidence_detail={"values": [["7"]], "trial": "shadow", "sample": None},
        features=features,
        shape={"method": "btree", "keys": ["equality"]},
        embedding=embedding(features),
    )


def titles(record: OptimizationRepository, text: str, model: str = "hashing") -> list[str]:
    return [found.optimization.title for found in record.similar(text, embedding(text, model))]


# Kept ---------------------------------------------------------------------------------------------


def test_advice_comes_back_as_it_was_given(record: OptimizationRepository) -> None:
    given = advice()
    kept = record.get(record.add(given).id)
    assert {f.name: getattr(kept, f.name) for f in fields(Advice)} == {
        f.name: getattr(given, f.name) for f in fields(Advice)
    }
    assert (kept.status, kept.status_reason, kept.decided_at) == ("proposed", None, None)
    assert (kept.applied_at, kept.measured_at, kept.measured_gain_percent) == (None, None, None)


def test_the_same_open_advice_is_not_made_twice(record: OptimizationRepository) -> None:
    first = record.add(advice())
    record.decide(first.id, "accepted", "in the next release")
    again = record.add(replace(advice(), gain_percent=42.0, title="newer", plan_before=None))
    assert record.pending(TARGET) == (again,)
    assert (again.id, again.created_at) == (first.id, first.created_at)
    assert (again.status, again.status_reason) == ("accepted", "in the next release")
    assert (again.gain_percent, again.title, again.plan_before) == (42.0, "newer", None)


def test_new_figures_bring_their_vector_along(record: OptimizationRepository) -> None:
    record.add(advice(features="equality on number column"))
    record.add(advice(features="containment in json column"))
    (found,) = record.similar("containment in json", embedding("containment in json column"))
    assert found.similarity == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        advice(target="elsewhere/shop"),
        advice(definition="public.orders USING btree (status)"),
        replace(advice(), kind="drop_index"),
    ],
)
def test_other_advice_is_made_beside_it(
    record: OptimizationRepository, other: NewOptimization
) -> None:
    assert record.add(advice()).id != record.add(other).id


@pytest.mark.parametrize("closed", ["rejected", "applied"])
def test_advice_that_is_closed_may_be_given_again(
    record: OptimizationRepository, closed: Status
) -> None:
    first = record.add(advice())
    record.decide(first.id, closed, "as it is")
    second = record.add(advice())
    assert second.id != first.id
    assert record.pending(TARGET) == (second,)


def test_sessions_at_once_make_one(engine: Engine) -> None:
    def add(_: int) -> UUID:
        with transaction(engine) as session:
            return OptimizationRepository(session).add(advice()).id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(add, range(8)))) == 1


def test_a_confidence_beyond_one_is_refused(record: OptimizationRepository) -> None:
    with pytest.raises(IntegrityError, match="optimizations_confidence_check"):
        record.add(replace(advice(), confidence=93.0))


def test_vectors_of_any_dimension_are_kept_and_compared_with_those_of_their_model(
    record: OptimizationRepository,
) -> None:
    large = Embedding("openai:large", np.ones(1536, dtype=np.float32))
    kept = record.add(replace(advice(), embedding=large))
    [found] = record.similar("anything", large)
    assert found.optimization.id == kept.id
    assert found.similarity == pytest.approx(1)
    small = Embedding("hashing", np.ones(384, dtype=np.float32))
    assert [each.similarity for each in record.similar(advice().features, small)] == [None]


def test_advice_outlives_its_audit(session: Session, record: OptimizationRepository) -> None:
    audits = AuditRepository(session)
    audit_id = audits.begin(TARGET, "18.1", {})
    kept = record.add(replace(advice(), audit_id=audit_id))
    assert kept.audit_id == audit_id
    session.execute(delete(AuditRow).where(AuditRow.id == audit_id))
    session.expire_all()
    assert record.get(kept.id).audit_id is None


# Listed -------------------------------------------------------------------------------------------


def test_the_newest_audit_comes_first_and_its_advice_in_order(
    session: Session, record: OptimizationRepository
) -> None:
    audits = AuditRepository(session)
    old, new = audits.begin(TARGET, "18.1", {}), audits.begin(TARGET, "18.1", {})
    for position, audit_id, name in [(2, old, "d"), (1, old, "c"), (2, new, "b"), (1, new, "a")]:
        record.add(replace(advice(name), audit_id=audit_id, position=position))
    record.add(advice("without an audit"))
    listed = [kept.definition for kept in record.list()]
    assert listed == ["a", "b", "c", "d", "without an audit"]
    assert [kept.definition for kept in record.list(audit_id=old)] == ["c", "d"]


def test_lists_are_narrowed_by_status_and_target(record: OptimizationRepository) -> None:
    record.add(advice("a"))
    rejected = record.add(advice("b"))
    record.add(advice("c", target="elsewhere/shop"))
    record.decide(rejected.id, "rejected", "too big")
    assert [kept.definition for kept in record.list(status="rejected")] == ["b"]
    assert [kept.definition for kept in record.list(target="elsewhere/shop")] == ["c"]
    assert record.list(status="applied") == ()


def test_pending_is_what_waits_to_be_applied(record: OptimizationRepository) -> None:
    lives: dict[str, list[Status]] = {
        "proposed": [],
        "accepted": ["accepted"],
        "rejected": ["rejected"],
        "applied": ["applied"],
        "confirmed": ["applied", "confirmed"],
    }
    for name, life in lives.items():
        kept = record.add(advice(name))
        for status in life:
            record.decide(kept.id, status, "as it is")
    record.add(advice("elsewhere", target="elsewhere/shop"))
    assert {kept.definition for kept in record.pending(TARGET)} == {"proposed", "accepted"}


# Looked up ----------------------------------------------------------------------------------------


def test_the_first_digits_of_an_id_are_enough(record: OptimizationRepository) -> None:
    kept = record.add(advice())
    for written in (str(kept.id), str(kept.id)[:6], str(kept.id)[:13].upper(), kept.id.hex):
        assert record.get(written).id == kept.id


def test_an_unknown_id_is_not_found(record: OptimizationRepository) -> None:
    unknown = uuid4()
    message = f"no recommendation has the id {unknown}: see `agentdb recommendations list`"
    with pytest.raises(NotFound, match=message):
        record.get(unknown)


@pytest.mark.parametrize("written", ["", "12345", "orders", "12345g", "%", "f" * 33])
def test_what_is_no_id_is_not_found(record: OptimizationRepository, written: str) -> None:
    record.add(advice())
    with pytest.raises(NotFound, match=r"is no id.*agentdb recommendations list"):
        record.get(written)


def test_digits_that_two_share_are_not_enough(
    session: Session, record: OptimizationRepository
) -> None:
    for name, identifier in (("a", UUID(int=7 << 96)), ("b", UUID(int=(7 << 96) + 1))):
        made = update(OptimizationRow).where(OptimizationRow.id == record.add(advice(name)).id)
        session.execute(delete(OptimizationEventRow))
        session.execute(made.values(id=identifier))
        session.expunge_all()
    with pytest.raises(NotFound, match="more than one recommendation has the id 000000"):
        record.get("000000")
    assert record.get(UUID(int=7 << 96)).definition == "a"


# Decided ------------------------------------------------------------------------------------------


def test_each_decision_is_kept_with_its_reason_and_its_moment(
    record: OptimizationRepository,
) -> None:
    kept = record.add(advice())
    accepted = record.decide(str(kept.id)[:8], "accepted", "after the sale")
    applied = record.decide(kept.id, "applied")
    confirmed = record.decide(kept.id, "confirmed", "calls fell from 41 to 0.3 ms")
    assert (accepted.status, accepted.status_reason) == ("accepted", "after the sale")
    assert (applied.status, applied.status_reason) == ("applied", None)
    assert (confirmed.status, confirmed.status_reason) == (
        "confirmed",
        "calls fell from 41 to 0.3 ms",
    )
    moments = [confirmed.created_at, confirmed.decided_at, confirmed.applied_at]
    assert in_order([*moments, confirmed.measured_at])


def test_a_decision_that_leads_nowhere_is_refused(record: OptimizationRepository) -> None:
    kept = record.add(advice())
    with pytest.raises(StatusRefused, match="is proposed and cannot become confirmed"):
        record.decide(kept.id, "confirmed")
    assert record.get(kept.id).status == "proposed"


def test_who_decides_second_learns_of_the_first(engine: Engine) -> None:
    with transaction(engine) as first:
        identifier = OptimizationRepository(first).add(advice()).id
    with transaction(engine) as second, ThreadPoolExecutor(1) as pool:
        record = OptimizationRepository(second)
        seen = second.get_one(OptimizationRow, identifier)
        pool.submit(decide, engine, identifier, "rejected").result()
        with pytest.raises(StatusRefused, match="is rejected already"):
            record.decide(identifier, "rejected", "too big")
        assert seen.status == "rejected"


def decide(engine: Engine, identifier: UUID, status: Status) -> None:
    with transaction(engine) as session:
        OptimizationRepository(session).decide(identifier, status, "too big")


def test_what_was_turned_down_is_accepted_only_if_it_is_not_open_again(
    record: OptimizationRepository,
) -> None:
    first = record.add(advice())
    record.decide(first.id, "rejected", "too big")
    second = record.add(advice())
    with pytest.raises(StatusRefused, match=f"open as {second.id}: accept that one"):
        record.decide(first.id, "accepted")
    record.decide(second.id, "rejected", "too big")
    assert record.decide(first.id, "accepted").status == "accepted"


# Found again --------------------------------------------------------------------------------------

LIKE_THESE = {
    "top n": "reads; equality on number column, ordered by time descending first rows only",
    "json": "reads; containment in json column; one table",
    "infix": "reads; infix pattern search in text column; one table",
    "range": "reads; range on time column in storage order; aggregate sum; one table",
}


@pytest.fixture
def library(record: OptimizationRepository) -> OptimizationRepository:
    for name, text in LIKE_THESE.items():
        record.add(replace(advice(name, features=text), title=name))
    return record


@pytest.mark.parametrize("name", LIKE_THESE)
def test_the_same_features_are_found_first(library: OptimizationRepository, name: str) -> None:
    text = LIKE_THESE[name]
    best = library.similar(text, embedding(text))[0]
    assert best.optimization.title == name
    assert best.similarity == pytest.approx(1, abs=1e-6)


def test_scores_fall_and_similarities_are_cosines(library: OptimizationRepository) -> None:
    text = "reads; containment in json column"
    asked = embedding(text)
    found = library.similar(text, asked, k=4)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        cosine = float(np.dot(asked.vector, embedding(one.optimization.features).vector))
        assert one.similarity == pytest.approx(cosine, abs=1e-6)


def test_without_a_vector_words_decide(library: OptimizationRepository) -> None:
    found = library.similar("reads one table, on a text column: infix")
    assert found[0].optimization.title == "infix"
    assert {one.similarity for one in found} == {None}


def test_a_rare_word_weighs_more_than_two_common_ones(record: OptimizationRepository) -> None:
    for name in "abcd":
        record.add(advice(name, features=f"reads column {name}"))
    record.add(advice("rare", features="joins trigram rows"))
    assert record.similar("reads column trigram")[0].optimization.definition == "rare"


def test_of_texts_with_the_same_words_the_short_one_is_likest(
    record: OptimizationRepository,
) -> None:
    record.add(advice("long", features="trigram and a lot that nobody asked for at all"))
    record.add(advice("short", features="trigram search"))
    assert record.similar("trigram")[0].optimization.definition == "short"


def test_vectors_of_another_model_are_not_compared(library: OptimizationRepository) -> None:
    text = LIKE_THESE["json"]
    found = library.similar(text, embedding(text, model="another"))
    assert found[0].optimization.title == "json"
    assert {one.similarity for one in found} == {None}
    assert library.similar("zzz", embedding(text, model="another")) == ()


def test_what_only_the_vector_finds_is_found(library: OptimizationRepository) -> None:
    found = library.similar("zzz", embedding(LIKE_THESE["range"]))
    assert found[0].optimization.title == "range"


def test_what_only_the_words_find_is_found(record: OptimizationRepository) -> None:
    record.add(replace(advice("a", features="hash join spills"), embedding=None))
    (found,) = record.similar("spills", embedding("spills"))
    assert (found.optimization.definition, found.similarity) == ("a", None)


def test_no_more_than_asked_for_and_nothing_excluded(library: OptimizationRepository) -> None:
    text = LIKE_THESE["json"]
    best, second = library.similar(text, embedding(text), k=2)
    (left,) = library.similar(text, embedding(text), k=1, exclude=[best.optimization.id])
    assert left.optimization.id == second.optimization.id


@pytest.mark.parametrize("text", ["", " ;, ", "naïve 'quoted' \\ & | ! <-> 100% :b"])
def test_any_text_may_be_asked(library: OptimizationRepository, text: str) -> None:
    assert len(library.similar(text, embedding(text))) == len(LIKE_THESE)


def test_an_empty_record_has_nothing_similar(record: OptimizationRepository) -> None:
    assert titles(record, "reads") == []


def test_advice_without_features_does_not_trouble_the_search(
    record: OptimizationRepository,
) -> None:
    record.add(replace(advice(features=""), embedding=None))
    assert record.similar("reads") == ()


def test_a_vector_of_length_zero_has_no_similarity(library: OptimizationRepository) -> None:
    nothing = Embedding("hashing", np.zeros(384, dtype=np.float32))
    assert {one.similarity for one in library.similar("reads", nothing)} == {None}


def in_order(moments: list[datetime | None]) -> bool:
    known = [moment for moment in moments if moment is not None]
    return len(known) == len(moments) and known == sorted(known)

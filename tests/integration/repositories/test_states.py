"""Agents' states: saved once, in versions that follow each other, read as they were."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from agentdb.database import session as transaction
from agentdb.errors import BadFilter, BadInput, BadMetadata, BadState, Conflict, NotFound
from agentdb.repositories.state import CheckpointInfo
from agentdb.repositories.states import AgentStateRepository


@pytest.fixture
def states(session: Session) -> AgentStateRepository:
    return AgentStateRepository(session)


def versions(states: AgentStateRepository, thread: str = "t") -> list[int]:
    return [each.version for each in states.list("bot", thread)]


def filled(states: AgentStateRepository, count: int, thread: str = "t", **named: Any) -> list[str]:  # noqa: ANN401
    """Save so many states; return the ids of the checkpoints."""
    return [
        states.save("bot", thread, {"step": step}, metadata={"step": step}, **named).id
        for step in range(1, count + 1)
    ]


# Saved and read -----------------------------------------------------------------------------------


def test_the_last_state_is_what_was_saved(states: AgentStateRepository) -> None:
    assert states.last("bot", "t") is None
    state = {"step": 1, "messages": ["hi", None, 1.5, True], "a": {"b": {}}, "π": "→"}
    first = states.save("bot", "t", state, metadata={"by": "test"})
    last = states.last("bot", "t")
    assert last is not None
    assert last.state == state
    assert (last.version, last.parent, last.metadata) == (1, None, {"by": "test"})
    assert (last.id, last.created_at, last.size_bytes) == (
        first.id,
        first.created_at,
        first.size_bytes,
    )


def test_versions_follow_each_other_and_each_knows_its_parent(states: AgentStateRepository) -> None:
    ids = filled(states, 3)
    listed = states.list("bot", "t")
    assert [(each.version, each.id) for each in listed] == [(3, ids[2]), (2, ids[1]), (1, ids[0])]
    assert [each.parent for each in listed] == [ids[1], ids[0], None]
    assert states.get("bot", "t", version=2) == states.get("bot", "t", id=ids[1])
    assert states.get("bot", "t", version=2).state == {"step": 2}


def test_a_fork_names_its_parent(states: AgentStateRepository) -> None:
    ids = filled(states, 3)
    fork = states.save("bot", "t", {"step": "other"}, parent=ids[0], id="fork")
    assert (fork.version, fork.parent, fork.id) == (4, ids[0], "fork")
    same = {"step": "other"}
    assert states.save("bot", "t", same) == states.save("bot", "t", same, parent=ids[0]) == fork
    assert states.save("bot", "t", same, parent=ids[1]).version == 5


def test_a_state_is_read_as_of_a_moment(states: AgentStateRepository, session: Session) -> None:
    filled(states, 3)
    session.execute(
        text("UPDATE agentdb.agent_states SET created_at = '2026-01-01Z'::timestamptz"
             " + version * interval '1 day'")
    )  # fmt: skip
    begin = datetime(2026, 1, 1, tzinfo=UTC)

    def version(days: float) -> int | None:
        found = states.at("bot", "t", begin + timedelta(days=days))
        return None if found is None else found.version

    assert [version(days) for days in (0.9, 1, 1.5, 2, 2.9, 3, 99)] == [None, 1, 1, 2, 2, 3, 3]
    states.prune("bot", "t", keep=1)
    assert version(2) is None


def test_lists_are_narrowed_by_version_by_metadata_and_by_number(
    states: AgentStateRepository,
) -> None:
    filled(states, 5)

    def listed(**named: Any) -> list[int]:  # noqa: ANN401
        return [each.version for each in states.list("bot", "t", **named)]

    assert listed(before=4) == [3, 2, 1]
    assert listed(before=2**70) == listed()
    assert listed(before=-(2**70)) == []
    assert listed(limit=2) == [5, 4]
    assert listed(filter={"step": {"lt": 3}}) == [2, 1]
    assert listed(filter={"step": {"in": [1, 5]}}, before=5) == [1]
    assert states.list("bot", "unknown") == ()
    with pytest.raises(BadFilter):
        listed(filter={"step": {"like": 3}})


def test_checkpoint_namespaces_are_lines_of_their_own(states: AgentStateRepository) -> None:
    states.save("bot", "t", {"of": "all"})
    part = states.save("bot", "t", {"of": "a part"}, checkpoint_ns="part|1")
    assert (part.version, part.checkpoint_ns, part.parent) == (1, "part|1", None)
    last = states.last("bot", "t", checkpoint_ns="part|1")
    assert last is not None
    assert last.state == {"of": "a part"}
    named = [(each.checkpoint_ns, each.newest) for each in states.threads("bot")]
    assert named == [("part|1", 1), ("", 1)]


def test_threads_are_listed_the_last_saved_first(states: AgentStateRepository) -> None:
    for agent, thread in (("bot", "a"), ("bot", "b"), ("other", "c"), ("bot", "a")):
        states.save(agent, thread, {"at": time.monotonic()})
    assert [(each.thread, each.newest) for each in states.threads("bot")] == [("a", 2), ("b", 1)]
    assert [each.thread for each in states.threads()] == ["a", "c", "b"]
    assert [each.thread for each in states.threads(limit=1)] == ["a"]


# Once ---------------------------------------------------------------------------------------------


def test_the_same_state_twice_is_one_checkpoint(states: AgentStateRepository) -> None:
    first = states.save("bot", "t", {"a": 1, "b": 2}, metadata={"c": 3})
    assert states.save("bot", "t", {"b": 2, "a": 1}, metadata={"c": 3}) == first
    assert states.save("bot", "t", {"b": 2, "a": 1}, metadata={"c": 4}).version == 2
    assert states.save("bot", "t", {"b": 2, "a": 1}, metadata={"c": 3}).version == 3
    assert versions(states) == [3, 2, 1]


def test_the_same_id_twice_is_one_checkpoint(states: AgentStateRepository) -> None:
    first = states.save("bot", "t", {"a": 1}, id="one")
    states.save("bot", "t", {"a": 2}, id="two")
    assert states.save("bot", "t", {"a": 1}, id="one") == first
    with pytest.raises(Conflict, match="'one' is kept with another state") as refused:
        states.save("bot", "t", {"a": 3}, id="one")
    assert refused.value.newest == 2
    assert states.save("bot", "t", {"a": 2}, id="three").version == 3  # an id is asked for
    assert states.save("bot", "t", {"a": 1}, id="one", checkpoint_ns="part").version == 1


def test_a_state_is_not_saved_over_one_that_was_not_seen(states: AgentStateRepository) -> None:
    assert states.save("bot", "t", {"a": 1}, expected_version=0).version == 1
    assert states.save("bot", "t", {"a": 2}, expected_version=1).version == 2
    for stale in (0, 1, 3):
        with pytest.raises(Conflict, match=f"bot/t is at version 2, not {stale}") as refused:
            states.save("bot", "t", {"a": 3}, expected_version=stale)
        assert refused.value.newest == 2
    assert versions(states) == [2, 1]


def test_a_save_that_is_sent_again_is_no_conflict(states: AgentStateRepository) -> None:
    states.save("bot", "t", {"a": 1})
    saved = states.save("bot", "t", {"a": 2}, expected_version=1)
    assert states.save("bot", "t", {"a": 2}, expected_version=1) == saved


# Two writers --------------------------------------------------------------------------------------


def at_once(engine: Engine, writers: int, write: Callable[[AgentStateRepository, int], Any]) -> Any:  # noqa: ANN401
    """Let each of some threads write in a transaction of its own; return what they say."""
    start = Barrier(writers)

    def work(writer: int) -> object:
        start.wait()
        with transaction(engine) as session:
            return write(AgentStateRepository(session), writer)

    with ThreadPoolExecutor(writers) as pool:
        return list(pool.map(work, range(writers)))


def test_writers_at_once_get_versions_that_follow_each_other(engine: Engine) -> None:
    for turn in range(8):

        def write(states: AgentStateRepository, writer: int, turn: int = turn) -> CheckpointInfo:
            return states.save("bot", "t", {"turn": turn, "writer": writer})

        saved = at_once(engine, 4, write)
        assert sorted(each.version for each in saved) == list(range(4 * turn + 1, 4 * turn + 5))
    with Session(engine) as session:
        listed = AgentStateRepository(session).list("bot", "t")
    assert [each.version for each in listed] == list(range(32, 0, -1))
    assert [each.parent for each in listed] == [each.id for each in listed[1:]] + [None]
    moments = [each.created_at for each in listed]
    assert moments == sorted(moments, reverse=True)


def test_of_writers_who_expect_the_same_version_one_wins(engine: Engine) -> None:
    def write(states: AgentStateRepository, writer: int) -> str:
        try:
            states.save("bot", "t", {"writer": writer}, expected_version=0)
        except Conflict as error:
            return f"conflict with {error.newest}"
        return "saved"

    assert sorted(at_once(engine, 4, write)) == [*["conflict with 1"] * 3, "saved"]


@pytest.mark.parametrize("named", [{}, {"id": "one"}])
def test_writers_of_the_same_at_once_make_one_checkpoint(
    engine: Engine, named: dict[str, Any]
) -> None:
    saved = at_once(engine, 4, lambda s, _: s.save("bot", "t", {"a": 1}, **named))
    assert len({each.id for each in saved}) == 1
    with Session(engine) as session:
        assert versions(AgentStateRepository(session)) == [1]


# The caller's transaction, tenants ----------------------------------------------------------------


def test_a_business_row_and_a_state_are_kept_together_or_not_at_all(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (item text)"))
    for commit in (False, True):
        with Session(engine) as session:
            session.execute(text("INSERT INTO orders VALUES ('kettle')"))
            AgentStateRepository(session).save("bot", "t", {"ordered": "kettle"})
            (session.commit if commit else session.rollback)()
        with Session(engine) as session:
            assert session.scalar(text("SELECT count(*) FROM orders")) == int(commit)
            last = AgentStateRepository(session).last("bot", "t")
            assert (last is not None) == commit


def test_a_conflict_leaves_the_transaction_as_it_was(
    states: AgentStateRepository, session: Session
) -> None:
    states.save("bot", "t", {"a": 1})
    with pytest.raises(Conflict):
        states.save("bot", "t", {"a": 2}, expected_version=0)
    with pytest.raises(Conflict):
        states.save("bot", "new", {"a": 2}, expected_version=3)
    assert [each.thread for each in states.threads()] == ["t"]
    assert session.scalar(text("SELECT count(*) FROM agentdb.agent_states")) == 1


@pytest.mark.parametrize("other", [{"tenant": "other"}, {"namespace": "other"}])
def test_tenants_and_namespaces_are_apart(
    states: AgentStateRepository, session: Session, other: dict[str, str]
) -> None:
    theirs = AgentStateRepository(session, **other)
    ours = states.save("bot", "t", {"whose": "ours"}, id="one")
    assert theirs.last("bot", "t") is None
    assert theirs.save("bot", "t", {"whose": "theirs"}, id="one").version == 1
    theirs.save("bot", "t", {"whose": "theirs", "step": 2})
    assert states.get("bot", "t", id="one").state == {"whose": "ours"}
    assert theirs.get("bot", "t", id="one").state == {"whose": "theirs"}
    assert [each.newest for each in states.threads()] == [1]
    assert theirs.prune("bot", keep=1) == 1
    assert theirs.forget("bot") == 1
    assert states.list("bot", "t") == (ours,)


# Pruned and forgotten -----------------------------------------------------------------------------


def test_pruning_keeps_the_newest_and_versions_count_on(states: AgentStateRepository) -> None:
    ids = filled(states, 5)
    filled(states, 3, checkpoint_ns="part")
    filled(states, 3, thread="other")
    assert states.prune("bot", "t", keep=2) == 3 + 1
    assert versions(states) == [5, 4]
    assert states.get("bot", "t", version=4).parent == ids[2]  # which is gone
    assert states.prune("bot", "t", keep=2) == 0
    assert states.prune("bot", keep=1) == 1 + 1 + 2
    assert states.save("bot", "t", {"step": 6}).version == 6
    assert versions(states, "other") == [3]


def test_a_forgotten_thread_leaves_nothing(states: AgentStateRepository, session: Session) -> None:
    filled(states, 2)
    filled(states, 2, checkpoint_ns="part")
    filled(states, 1, thread="other")
    assert states.forget("bot", "t") == 4
    assert states.forget("bot", "t") == 0
    assert [each.thread for each in states.threads()] == ["other"]
    assert states.forget("bot") == 1
    assert session.scalar(text("SELECT count(*) FROM agentdb.agent_threads")) == 0


# Large and bad ------------------------------------------------------------------------------------


def test_a_state_of_10_mb_is_kept(states: AgentStateRepository) -> None:
    words = " ".join(f"word{number}" for number in range(600_000))
    state = {"text": words, "numbers": [number / 7 for number in range(250_000)]}
    saved = states.save("bot", "t", state)
    assert saved.size_bytes > 10_000_000
    last = states.last("bot", "t")
    assert last is not None
    assert last.state == state
    assert states.save("bot", "t", state) == saved


NUMBERS = [0, -0.0, 0.1, 5e-324, 123456789.123, -(2**63), 2**53 + 1, 10**1999]


def test_numbers_come_back_equal(states: AgentStateRepository) -> None:
    states.save("bot", "t", {"numbers": NUMBERS})
    assert states.get("bot", "t", version=1).state == {"numbers": NUMBERS}


@pytest.mark.parametrize("large", [1e16, 1e22, 1e23, 1.7976931348623157e308])
def test_a_large_float_comes_back_as_a_whole_number_of_the_same_float(
    states: AgentStateRepository, large: float
) -> None:
    states.save("bot", "t", {"number": large})
    back = states.get("bot", "t", version=1).state["number"]
    assert isinstance(back, int)
    assert float(back) == large


def test_a_state_as_deep_as_allowed_is_kept(states: AgentStateRepository) -> None:
    state: dict[str, Any] = {}
    for _ in range(99):
        state = {"a": state}
    states.save("bot", "t", state)
    assert states.get("bot", "t", version=1).state == state


def test_the_longest_names_that_are_allowed_fit_the_indexes(session: Session) -> None:
    name = "".join(chr(0x4E00 + n * 37) for n in range(133))  # 399 bytes, not to be compressed
    states = AgentStateRepository(session, tenant=name, namespace=name)
    states.save(name, name, {"a": 1}, checkpoint_ns=name, id=name, parent=name)
    assert states.get(name, name, checkpoint_ns=name, id=name).state == {"a": 1}


SAVES: dict[str, tuple[dict[str, Any], type[BadInput], str]] = {
    "NaN": ({"state": {"a": float("nan")}}, BadState, "at a is NaN"),
    "no document": ({"state": [1]}, BadState, "a document"),
    "metadata": ({"metadata": {"a": "\x00"}}, BadMetadata, "NUL"),
    "no agent": ({"agent": ""}, BadInput, "an agent is empty"),
    "no thread": ({"thread": ""}, BadInput, "a thread is empty"),
    "empty id": ({"id": ""}, BadInput, "the id of a checkpoint is empty"),
    "NUL in an id": ({"id": "\x00"}, BadInput, "NUL"),
    "NUL in a namespace": ({"checkpoint_ns": "\x00"}, BadInput, "NUL"),
    "long parent": ({"parent": "p" * 401}, BadInput, "401 bytes"),
}


@pytest.mark.parametrize(("given", "error", "said"), SAVES.values(), ids=SAVES)
def test_a_checkpoint_that_cannot_be_kept_is_refused_before_anything_is_sent(
    states: AgentStateRepository,
    session: Session,
    given: dict[str, Any],
    error: type[BadInput],
    said: str,
) -> None:
    with pytest.raises(error, match=said):
        states.save(**{"agent": "bot", "thread": "t", "state": {}, **given})
    assert not session.in_transaction()


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda s: s.get("bot", "t"), "give one of the two"),
        (lambda s: s.get("bot", "t", version=1, id="one"), "give one of the two"),
        (lambda s: s.get("bot", "t", id="\x00"), "NUL"),
        (lambda s: s.at("bot", "t", datetime(2026, 1, 1)), "no time zone"),  # noqa: DTZ001
        (lambda s: s.list("bot", "t", limit=0), "not 0"),
        (lambda s: s.threads(limit=10_001), "10,001"),
        (lambda s: s.threads("\x00"), "NUL"),
        (lambda s: s.prune("bot", keep=0), "forget deletes all"),
        (lambda s: s.prune("", keep=1), "an agent is empty"),
        (lambda s: s.forget("bot", ""), "a thread is empty"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    states: AgentStateRepository,
    do: Callable[[AgentStateRepository], object],
    said: str,
) -> None:
    with pytest.raises(BadInput, match=said):
        do(states)


def test_a_checkpoint_that_is_not_there_is_named(states: AgentStateRepository) -> None:
    with pytest.raises(NotFound, match="bot/t has no checkpoint 7"):
        states.get("bot", "t", version=7)
    with pytest.raises(NotFound, match=f"bot/t has no checkpoint {2**63}"):
        states.get("bot", "t", version=2**63)
    with pytest.raises(NotFound, match="bot/t/part has no checkpoint 'seven'"):
        states.get("bot", "t", id="seven", checkpoint_ns="part")

"""The statements of prompts and states use their indexes, with one tenant and with 5,000."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from agentdb.database import accept_vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import NotFound
from agentdb.repositories.prompts import PromptRepository
from agentdb.repositories.states import AgentStateRepository
from tests.servers import connect, database_name, new_database

# Each tenant has the prompt0 and the bot0: 20,000 versions, uses and checkpoints in all. The first
# bot0 has 3,000 checkpoints.
FILL = (
    """
    INSERT INTO agentdb.entries (tenant, kind, subject, content, content_hash)
    SELECT 'tenant' || n % {tenants}, 'prompt', 'prompt' || n / {tenants}, 'word' || n,
        sha256(('row' || n)::bytea)
    FROM generate_series(0, 9999) AS n
    """,
    """
    INSERT INTO agentdb.prompts (tenant, name, newest, entry_id)
    SELECT tenant, subject, 2, id FROM agentdb.entries
    """,
    """
    INSERT INTO agentdb.prompt_versions (tenant, namespace, name, version, template,
        template_hash, variables)
    SELECT tenant, '', name, v, 'text ' || v, sha256(v::text::bytea), '{{}}'
    FROM agentdb.prompts, generate_series(1, 2) AS v
    """,
    """
    INSERT INTO agentdb.prompt_labels (tenant, namespace, name, label, version)
    SELECT tenant, '', name, 'production', 1 FROM agentdb.prompts
    """,
    """
    INSERT INTO agentdb.prompt_uses (tenant, namespace, name, version, task, success)
    SELECT tenant, '', name, version, 'task' || substr(name, 7), true
    FROM agentdb.prompt_versions
    """,
    """
    INSERT INTO agentdb.agent_threads (tenant, agent, thread, newest)
    SELECT 'tenant' || n % {tenants}, 'bot' || n / {tenants}, 'thread', 2
    FROM generate_series(0, 9999) AS n
    """,
    """
    INSERT INTO agentdb.agent_states (tenant, thread_id, version, checkpoint_id, state,
        content_hash, size_bytes)
    SELECT tenant, id, v, 'id' || v, '{{"a": 1}}', sha256('x'), 8
    FROM agentdb.agent_threads, generate_series(1, 2) AS v
    """,
    """
    INSERT INTO agentdb.agent_states (tenant, thread_id, version, checkpoint_id, state,
        content_hash, size_bytes)
    SELECT tenant, id, v, 'id' || v, '{{"a": 1}}', sha256('x'), 8
    FROM agentdb.agent_threads, generate_series(3, 3000) AS v
    WHERE (tenant, agent) = ('tenant0', 'bot0')
    """,
    """
    UPDATE agentdb.agent_threads SET newest = 3000 WHERE (tenant, agent) = ('tenant0', 'bot0')
    """,
    "ANALYZE",
)


@dataclass(slots=True)
class Plans:
    """What the server logged of its plans."""

    logged: list[str] = field(default_factory=list)

    def scanned(self) -> set[str]:
        """The tables that were read from end to end."""
        tables = "agent_states|agent_threads|prompts|prompt_versions|prompt_labels|prompt_uses"
        return set(re.findall(rf"Seq Scan on ({tables}|entries)\b", "\n".join(self.logged)))

    def indexes(self) -> set[str]:
        """The indexes that were used."""
        named = r"(?:Index Scan|Index Only Scan|Bitmap Index Scan)[a-zA-Z ]* (?:using|on) (\w+)"
        used = re.findall(named, "\n".join(self.logged))
        return {name for name in used if not name.startswith("pg_")}


@dataclass(frozen=True, slots=True)
class Watched:
    """A session whose plans are seen."""

    session: Session
    plans: Plans

    def indexes(self, do: Callable[[], object]) -> set[str]:
        self._see(do)
        return self.plans.indexes()

    def scanned(self, do: Callable[[], object]) -> set[str]:
        self._see(do)
        assert self.plans.indexes() | self.plans.scanned()
        return self.plans.scanned()

    def _see(self, do: Callable[[], object]) -> None:
        self.session.execute(text("SELECT 1"))
        self.plans.logged.clear()
        do()
        # The server logs a plan when its portal is closed: by the next statement.
        self.session.execute(text("SELECT 1"))


@pytest.fixture(scope="module", params=[1, 5000], ids=["1 tenant", "5000 tenants"])
def filled(server: str, template_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    with new_database(server, database_name(template_url)) as url:
        with connect(url) as connection:
            for statement in FILL:
                connection.execute(statement.format(tenants=request.param).encode())
        yield url


@pytest.fixture
def watched(filled: str) -> Iterator[Watched]:
    """With auto_explain, which also sees the statements of foreign keys."""
    plans = Plans()

    def opened() -> psycopg.Connection:
        connection = psycopg.connect(filled)
        connection.add_notice_handler(lambda said: plans.logged.append(said.message_primary or ""))
        connection.execute("LOAD 'auto_explain'")
        for setting in ("log_min_duration = 0", "log_nested_statements = on"):
            connection.execute(f"SET auto_explain.{setting}".encode())
        connection.execute("SET client_min_messages = log")
        connection.commit()
        return connection

    engine = create_engine("postgresql+psycopg://", creator=opened)
    accept_vectors(engine)
    with Session(engine) as session:
        yield Watched(session, plans)
        session.rollback()
    engine.dispose()


LAST_WEEK = datetime.now(UTC) - timedelta(days=7)

PROMPT_STEPS: dict[str, Callable[[PromptRepository], object]] = {
    "put": lambda p: p.put("prompt0", "new text", labels=["staging"]),
    "put again": lambda p: p.put("prompt0", "text 2", labels=["production"]),
    "get": lambda p: p.get("prompt0"),
    "get a version": lambda p: p.get("prompt0", 1),
    "get by label": lambda p: p.get("prompt0", label="production"),
    "history": lambda p: p.history("prompt0"),
    "label": lambda p: p.label("prompt0", "production", 2),
    "unlabel": lambda p: p.unlabel("prompt0", "production"),
    "record": lambda p: p.record("prompt0", 1, success=True),
    "outcomes": lambda p: p.outcomes("prompt0"),
    "outcomes of a task": lambda p: p.outcomes(task="task0", since=LAST_WEEK),
    "compare": lambda p: p.compare("prompt0", 1, 2, task="task0"),
    "forget": lambda p: p.forget("prompt0"),
}

STATE_STEPS: dict[str, Callable[[AgentStateRepository], object]] = {
    "save": lambda s: s.save("bot0", "thread", {"a": 2}),
    "save with an id": lambda s: s.save(
        "bot0", "thread", {"a": 2}, id="new", expected_version=3000
    ),
    "save the first": lambda s: s.save("bot0", "new", {"a": 2}, expected_version=0),
    "last": lambda s: s.last("bot0", "thread"),
    "at": lambda s: s.at("bot0", "thread", LAST_WEEK),
    "get": lambda s: s.get("bot0", "thread", version=1),
    "get by id": lambda s: s.get("bot0", "thread", id="id1"),
    "list": lambda s: s.list("bot0", "thread", before=2),
    "threads": lambda s: s.threads("bot0"),
    "prune": lambda s: s.prune("bot0", keep=2990),
    "forget": lambda s: s.forget("bot0", "thread"),
}


PROMPT_INDEXES = {
    "get": {"prompts_pkey", "prompt_versions_pkey", "prompt_labels_pkey"},
    "get a version": {"prompt_versions_pkey"},
    "get by label": {"prompt_labels_pkey", "prompt_versions_pkey"},
    "put again": {"prompt_versions_template_key"},
    "outcomes": {"prompt_uses_version_idx"},
    "outcomes of a task": {"prompt_uses_task_idx"},
    "forget": {"prompt_uses_version_idx", "entries_pkey"},
}

STATE_INDEXES = {
    "last": {"agent_threads_line_key", "agent_states_pkey"},
    "at": {"agent_threads_line_key", "agent_states_pkey"},
    "get": {"agent_threads_line_key", "agent_states_pkey"},
    "get by id": {"agent_states_checkpoint_key"},
    "save with an id": {"agent_states_checkpoint_key"},
    "list": {"agent_states_pkey"},
    "threads": {"agent_threads_line_key"},
    "prune": {"agent_threads_line_key", "agent_states_pkey"},
}


@pytest.mark.parametrize("name", PROMPT_INDEXES)
def test_statements_about_prompts_use_the_indexes_meant_for_them(
    watched: Watched, name: str
) -> None:
    prompts = PromptRepository(watched.session, HashingEmbedder(), tenant="tenant0")
    used = watched.indexes(lambda: PROMPT_STEPS[name](prompts))
    assert used >= PROMPT_INDEXES[name]


@pytest.mark.parametrize("name", STATE_INDEXES)
def test_statements_about_states_use_the_indexes_meant_for_them(
    watched: Watched, name: str
) -> None:
    states = AgentStateRepository(watched.session, tenant="tenant0")
    used = watched.indexes(lambda: STATE_STEPS[name](states))
    assert used >= STATE_INDEXES[name]


@pytest.mark.parametrize("step", PROMPT_STEPS.values(), ids=PROMPT_STEPS)
def test_no_statement_about_one_prompt_reads_a_table_from_end_to_end(
    watched: Watched, step: Callable[[PromptRepository], object]
) -> None:
    prompts = PromptRepository(watched.session, HashingEmbedder(), tenant="tenant0")
    assert watched.scanned(lambda: step(prompts)) == set()


@pytest.mark.parametrize("step", STATE_STEPS.values(), ids=STATE_STEPS)
def test_no_statement_about_one_thread_reads_a_table_from_end_to_end(
    watched: Watched, step: Callable[[AgentStateRepository], object]
) -> None:
    states = AgentStateRepository(watched.session, tenant="tenant0")
    assert watched.scanned(lambda: step(states)) == set()


def test_a_tenant_without_prompts_reads_nothing_of_others(watched: Watched) -> None:
    prompts = PromptRepository(watched.session, HashingEmbedder(), tenant="nobody")
    for step in (prompts.list, lambda: prompts.search("word5000"), lambda: prompts.best("prompt0")):
        assert watched.scanned(partial(_refused, step)) == set()


def _refused(step: Callable[[], object]) -> None:
    with suppress(NotFound):
        assert step() == ()


def test_the_watcher_sees_a_sequential_scan(watched: Watched) -> None:
    def scan() -> None:
        watched.session.connection().exec_driver_sql("SELECT max(score) FROM agentdb.prompt_uses")

    assert watched.scanned(scan) == {"prompt_uses"}

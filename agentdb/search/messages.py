"""What is said in conversations: the statement that finds it, and how a question is put to it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    Integer,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONPATH
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.sql.selectable import LateralFromClause

from agentdb.models.conversation import MessageRow, SessionRow
from agentdb.models.entry import EntryRow
from agentdb.models.vector import HalfVectorType

MESSAGE = (
    MessageRow.entry_id.label("id"),
    SessionRow.key.label("session"),
    MessageRow.position,
    MessageRow.role,
    MessageRow.speaker,
    EntryRow.content,
    MessageRow.key,
    MessageRow.tokens,
    EntryRow.metadata_.label("metadata"),
    EntryRow.valid_from.label("at"),
)
"""What is read of a message, named as in the value made of it."""

# Not now(), when the transaction began: what it has let expire since then has expired.
HOLDS = EntryRow.expires_at.is_(None) | (EntryRow.expires_at > func.statement_timestamp())

WHY = (
    "score",
    "similarity",
    "coverage",
    "beside",
    "best_of_session",
    "is_named",
    "asks",
    "path",
)
"""What the search says of each message it found."""

_MOST_WORDS = 64  # of a question, that may be names

_FOUND = (
    func.agentdb.search_messages(
        bindparam("tenant", type_=Text()),
        bindparam("query", type_=Text()),
        bindparam("vector", type_=HalfVectorType()),
        bindparam("k", type_=Integer()),
        bindparam("namespace", type_=Text()),
        bindparam("session", type_=Text()),
        bindparam("subject", type_=Text()),
        bindparam("agent", type_=Text()),
        cast(bindparam("filter"), JSONPATH),
    )
    .table_valued(
        column("id", BigInteger),
        column("session_id", BigInteger),
        column(quoted_name("position", quote=True), BigInteger),
        column("score", Double),
        column("similarity", Double),
        column("coverage", Double),
        column("beside", Double),
        column("best_of_session", Double),
        column("is_named", Boolean),
        column("asks", Boolean),
        column("path", Text),
    )
    .alias("found")
)


def _window() -> LateralFromClause:
    """The turns around one that was found, and itself: by their order, whatever is missing."""
    window = bindparam("window", type_=Integer())
    turn = select(MessageRow.entry_id).where(
        MessageRow.tenant == bindparam("tenant", type_=Text()),
        MessageRow.session_id == _FOUND.c.session_id,
    )
    earlier = turn.where(MessageRow.position < _FOUND.c.position)
    later = turn.where(MessageRow.position >= _FOUND.c.position)
    before = earlier.order_by(MessageRow.position.desc()).limit(window).correlate(_FOUND)
    after = later.order_by(MessageRow.position).limit(window + 1).correlate(_FOUND)
    return union_all(before, after).lateral("around")


_AROUND = _window()

# Built once: making it anew for each search would cost more than the search.
SEARCH_MESSAGES = (
    select(_FOUND.c.id.label("found"), *(_FOUND.c[name] for name in WHY), *MESSAGE)
    .select_from(_FOUND)
    .join(_AROUND, true())
    .join(MessageRow, MessageRow.entry_id == _AROUND.c.entry_id)
    .join(EntryRow, EntryRow.id == MessageRow.entry_id)
    .join(
        SessionRow,
        (SessionRow.tenant == MessageRow.tenant) & (SessionRow.id == MessageRow.session_id),
    )
    .where(HOLDS)
    .order_by(_FOUND.c.score.desc(), _FOUND.c.id, MessageRow.position)
)
"""The messages found, best first, each with the turns around it: one row for each of those."""

_WORDS = func.unnest(cast(bindparam("words"), ARRAY(Text)))
_ASKED = _WORDS.table_valued(column("word", Text), name="asked").render_derived()
_ONE = (
    select(MessageRow.speaker)
    .where(
        MessageRow.tenant == bindparam("tenant", type_=Text()),
        MessageRow.namespace == bindparam("namespace", type_=Text()),
        MessageRow.speaker.is_not(None),
        # Written out, as the index has it.
        func.lower(func.split_part(MessageRow.speaker, literal_column("' '"), literal_column("1")))
        == _ASKED.c.word,
    )
    .limit(1)
    .lateral("one")
)

SPEAKERS = select(_ONE.c.speaker).select_from(_ASKED).join(_ONE, true())
"""The speakers among some words: one look into an index for each word."""


def words_of(question: str) -> list[str]:
    """Return the words of a question, in small letters, each once.

    >>> words_of("What does Ada's dog eat? Ada!")
    ['what', 'does', 'ada', 's', 'dog', 'eat']
    """
    return list(dict.fromkeys(re.findall(r"\w+", question.lower())))[:_MOST_WORDS]


def first_person(question: str, speakers: Iterable[str]) -> str:
    """Return a question about speakers as they would put it themselves.

    Who talks says "I": a question with a name in it is far from what it asks for. A name counts
    as it is written, whole or its first word.

    >>> first_person("Where is Ada's dog, and what did Ada Lovelace feed it?", ["Ada Lovelace"])
    'Where is my dog, and what did I feed it?'
    """
    for speaker in speakers:
        first, *rest = speaker.split() or [speaker]
        whole = "".join(rf"\s+{re.escape(word)}" for word in rest)
        name = rf"(?<!\w){re.escape(first)}(?:{whole})?"
        question = re.sub(rf"{name}['\u2019]s(?!\w)", "my", question)
        question = re.sub(rf"{name}(?!\w)", "I", question)
    return question

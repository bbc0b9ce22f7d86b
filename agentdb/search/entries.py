"""The one statement that finds entries: each question that is asked, joined to `agentdb.search`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Interval,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    true,
    values,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONPATH, TIMESTAMP
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from agentdb.models.entry import EntryRow, SpaceRow
from agentdb.models.vector import HalfVectorType

ENTRY = (
    EntryRow.id,
    EntryRow.tenant,
    EntryRow.namespace,
    EntryRow.kind,
    EntryRow.subject,
    EntryRow.fact_key.label("key"),
    EntryRow.agent,
    EntryRow.content,
    EntryRow.metadata_.label("metadata"),
    EntryRow.importance,
    EntryRow.times,
    EntryRow.created_at,
    EntryRow.valid_from,
    EntryRow.valid_to,
    EntryRow.expires_at,
)
"""What is read of an entry, named as in the values made of it: not its vector, not its words."""

RANKING = ("score", "similarity", "vector_rank", "coverage", "keyword_rank", "path")
"""What the search says of each entry it found."""

_FOUND = (*(part.key for part in ENTRY), *RANKING)

_MOMENT, _VECTOR = TIMESTAMP(timezone=True), HalfVectorType()


_SCOPE = {
    "k": bindparam("k", type_=Integer()),
    "namespace": bindparam("namespace", type_=Text()),
    "kinds": cast(bindparam("kinds"), ARRAY(Text)),
    "subject": bindparam("subject", type_=Text()),
    "agent": bindparam("agent", type_=Text()),
    "filter": cast(bindparam("filter"), JSONPATH),
    "as_of": bindparam("as_of", type_=_MOMENT),
    "half_life": bindparam("half_life", type_=Interval()),
}


@lru_cache(maxsize=256)
def search_text(questions: int, given: frozenset[str]) -> str:
    """Return the statement that asks several questions at once, as the driver takes it.

    Its parameters: `query0`, `vector0`, `query1`…, `tenant`, and those `given` of the function's
    other arguments. Each row holds the place of its question, whose vectors are kept (see
    `model_and_version`), the parts of an ENTRY and of the RANKING; best first. A question without
    an answer has one row of NULLs.
    """
    # Made once: to compile it for each search would cost more than the search.
    driver = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    return str(_search(questions, given).compile(dialect=driver))


def model_and_version(space: str) -> tuple[str, str]:
    """Return the model whose vectors are kept, and its version, of the text that a row has."""
    model, _, version = space.partition("\x1f")
    return model, version


def _search(questions: int, given: frozenset[str]) -> Select[Any]:
    question = _questions(questions)
    # Row-level security wants to know the tenant: it is said on the way, not in a trip of its own.
    tenant = bindparam("tenant", type_=Text())
    saying = func.set_config(literal_column("'agentdb.tenant'"), tenant, true())
    announced = select(saying.label("tenant")).subquery("announced")
    # One text, as it comes with every row: an array takes longer to read than the rest of a row.
    kept = func.concat_ws(literal_column("E'\\x1f'"), SpaceRow.model, SpaceRow.version)
    space = select(kept).where(SpaceRow.is_current).scalar_subquery()
    asked = (announced.c.tenant, question.c.query, question.c.vector)
    scope = (part if name in given else null() for name, part in _SCOPE.items())
    found = func.agentdb.search(*asked, *scope).table_valued(*_FOUND).lateral("found")
    return (
        select(question.c.place, space.label("space"), *(found.c[name] for name in _FOUND))
        .select_from(question)
        .join(announced, true())
        .outerjoin(found, true())
    )


def _questions(count: int) -> FromClause:
    asked = values(column("place", Integer), column("query", Text), column("vector", _VECTOR))
    rows: list[tuple[ColumnElement[Any], ...]] = [
        (
            literal_column(str(place)),
            bindparam(f"query{place}", type_=Text()),
            bindparam(f"vector{place}", type_=_VECTOR),
        )
        for place in range(count)
    ]
    return asked.data(rows).alias("asked")

"""The one statement that finds entries: the function `agentdb.search`, joined to what it found."""

from __future__ import annotations

from sqlalchemy import Double, Integer, Interval, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONPATH, TIMESTAMP

from agentdb.models.entry import EntryRow
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

_FOUND = (
    func.agentdb.search(
        bindparam("tenant", type_=Text()),
        bindparam("query", type_=Text()),
        bindparam("vector", type_=HalfVectorType()),
        bindparam("k", type_=Integer()),
        bindparam("namespace", type_=Text()),
        cast(bindparam("kinds"), ARRAY(Text)),
        bindparam("subject", type_=Text()),
        bindparam("agent", type_=Text()),
        cast(bindparam("filter"), JSONPATH),
        bindparam("as_of", type_=TIMESTAMP(timezone=True)),
        bindparam("half_life", type_=Interval()),
    )
    .table_valued(
        column("id"),
        column("score", Double),
        column("similarity", Double),
        column("vector_rank", Integer),
        column("coverage", Double),
        column("keyword_rank", Integer),
        column("path", Text),
    )
    .alias("found")
)

# Built once: making it anew for each search would cost more than the search.
SEARCH = (
    select(*ENTRY, *(_FOUND.c[name] for name in RANKING))
    .join_from(_FOUND, EntryRow, EntryRow.id == _FOUND.c.id)
    .order_by(_FOUND.c.score.desc(), _FOUND.c.id)
)
"""The entries that a text and a vector find, best first; parameters as the function's arguments."""

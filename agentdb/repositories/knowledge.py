"""What agents can look up: documents, kept as their chunks in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate
from typing import Literal
from zlib import crc32

import numpy as np
from sqlalchemy import ColumnElement, Select, Text, cast, column, delete, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, distinct_on
from sqlalchemy.orm import Session

from agentdb.documents.splitting import Chunk, under_headings
from agentdb.embedding.cached import canonical, content_hash
from agentdb.embedding.embedder import Embedder, Vector, Vectors
from agentdb.errors import BadInput, BadText
from agentdb.models.base import Json
from agentdb.models.document import DocumentVersionRow
from agentdb.models.entry import EntryRow, Kind
from agentdb.repositories.checks import plain
from agentdb.repositories.memories import MemoryRepository, refuse_bad_query
from agentdb.repositories.memory import DEFAULT_TENANT, Found, NewMemory
from agentdb.repositories.tenancy import Tenanted
from agentdb.search.filters import Filter, storable

LONGEST_SOURCE = 400
"""Bytes that the name of a document may have: as any subject's."""

_KIND: Kind = "chunk"
_OURS = frozenset({"title", "category", "tags", "headings", "position", "document"})
_BEGIN, _END, _BETWEEN = "\ue000", "\ue001", "…"  # the first two for private use: no text has them
_LOCKS = 64  # a namespace has so many: one for each document would fill the server's lock table
_MOST_WORDS = 10_000
_UNTRACKED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewDocument:
    """A document to keep; raises `BadText` or `BadMetadata` for what Postgres cannot.

    `source` is its name, `text_hash` tells one text from another; `metadata` can be searched by,
    as can `title`, `category`, `tags`, `headings` and `position` (of the chunk): metadata with
    such a name of their own are kept as `title_` and so on. What is given of a document is copied
    to each of its chunks. `vectors` are of `embedded_text(chunk)`, for a caller who has them.
    """

    source: str
    title: str
    text_hash: str
    chunks: Sequence[Chunk] = ()
    tags: Sequence[str] = ()
    category: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    vectors: Vectors | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be kept before anything is done for it."""
        told = {"source": self.source, "title": self.title, "category": self.category}
        storable({**self.metadata, **told, "tags": self.tags, "text_hash": self.text_hash})
        if self.vectors is not None and len(self.vectors) != len(self.chunks):
            raise BadInput(
                f"{self.source} has {len(self.chunks)} chunks and {len(self.vectors)} vectors: "
                "give one for each"
            )
        if not self.source:
            raise BadText("a document needs a source: the name it is known by")
        if len(self.source.encode()) > LONGEST_SOURCE:
            raise BadText(f"its source is longer than {LONGEST_SOURCE} bytes: shorten the path")

    @property
    def version(self) -> str:
        """What changes when anything of the document does; no two documents share one."""
        told = [self.source, self.title, self.text_hash, list(self.tags), storable(self.metadata)]
        told += [] if self.category is None else [self.category]
        return content_hash(json.dumps(told, sort_keys=True))


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a document, and how many chunks are kept of it."""

    status: Literal["new", "replaced", "unchanged"]
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that is kept; `version` is the one of NewDocument, `since` when it was put.

    `number` counts its versions, from 1 on; see `history`.
    """

    source: str
    title: str
    category: str | None
    tags: Sequence[str]
    version: str
    number: int
    chunks: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version that a document has had, and since when; its text is not kept."""

    number: int
    version: str
    text_hash: str
    title: str
    chunks: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Highlight:
    """Where a text answers: its best passages in parts, each with whether it was asked for.

    In parts, as a text may hold whatever marks would be put into it. `str` of it has the marks
    « and »; for HTML escape each part by itself.
    """

    parts: tuple[tuple[str, bool], ...]

    def __str__(self) -> str:
        return "".join(f"«{text}»" if asked else text for text, asked in self.parts)


class KnowledgeRepository(Tenanted):
    """Documents as their chunks, in the caller's session: never committed here.

    A chunk is an entry of the kind `chunk` whose subject is the document's source, beside the
    memories and found as they are. All of them belong to one tenant and one namespace.

    >>> from agentdb.documents.splitting import split
    >>> knowledge = KnowledgeRepository(session, embedder)
    >>> chunks = split("Two years.", format="text")
    >>> knowledge.put("terms.md", "Terms", chunks, text_hash="1").status
    'new'
    """

    def __init__(
        self,
        session: Session,
        embedder: Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        self._session = session
        self._embedder = embedder
        self._tenant = tenant
        self._namespace = namespace
        self._memories = MemoryRepository(session, embedder, tenant=tenant, namespace=namespace)

    def put(  # noqa: PLR0913 - each is a part of the document
        self,
        source: str,
        title: str,
        chunks: Sequence[Chunk],
        *,
        text_hash: str,
        tags: Sequence[str] = (),
        category: str | None = None,
        metadata: Mapping[str, object] | None = None,
        vectors: Vectors | None = None,
    ) -> Stored:
        """Keep a document: nothing is done if it is unchanged, else its chunks are replaced.

        See `NewDocument` for what is given and `put_many` for what is raised.
        """
        document = NewDocument(
            source=source,
            title=title,
            text_hash=text_hash,
            chunks=chunks,
            tags=tags,
            category=category,
            metadata=metadata or {},
            vectors=vectors,
        )
        return self.put_many([document])[0]

    def put_many(self, documents: Iterable[NewDocument]) -> tuple[Stored, ...]:
        """Keep documents, all of them or none; return what became of each, in their order.

        What is embedded of a chunk are its headings and its text. A chunk that a document has
        twice is kept once. Raises `BadInput`, `SpaceMismatch`, `DimensionMismatch`.
        """
        given = list(documents)
        wanted = {document.source: document for document in given}
        held = self._held(wanted)
        stored = {name: Stored("unchanged", chunks) for name, (_, chunks) in held.items()}
        changed = [
            document
            for name, document in sorted(wanted.items())
            if name not in held or held[name][0] != document.version
        ]
        stored |= self._replace(self._embedded([_distinct(each) for each in changed]), held.keys())
        return tuple(stored[document.source] for document in given)

    def search(  # noqa: PLR0913 - each narrows the search by itself
        self,
        query: str,
        k: int = 10,
        *,
        sources: Collection[str] | None = None,
        tags: Collection[str] = (),
        category: str | None = None,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        vector: Vector | None = None,
    ) -> tuple[Found, ...]:
        """Return the `k` chunks that answer a text best, or as many as there are.

        Only of these `sources`, only with all of these `tags`, only of a `category`, only where
        `filter` holds of the metadata. Raises `BadText`, `BadFilter`, `SpaceMismatch`.
        """
        wanted: list[Filter] = [filter] if filter else []
        if tags:
            wanted.append({"tags": {"contains": list(tags)}})
        if category is not None:
            wanted.append({"category": category})
        if sources is not None:
            versions = [each.version for each in self.sources(sources)]
            wanted.append({"document": {"in": versions}})
        meant = {"and": wanted} if wanted else None
        return self._memories.search(query, k, kinds=[_KIND], filter=meant, vector=vector)

    def sources(self, among: Collection[str] | None = None) -> tuple[Source, ...]:
        """Return the documents that are kept, or those of them with these names, by name."""
        metadata = EntryRow.metadata_
        listed = select(
            EntryRow.subject.label("source"),
            metadata["title"].astext.label("title"),
            metadata["category"].astext.label("category"),
            metadata["tags"].label("tags"),
            metadata["document"].astext.label("version"),
            func.count().label("chunks"),
            func.max(EntryRow.created_at).label("since"),
        ).where(*self._own(among), metadata.has_key("document"))
        one = listed.group_by("source", "title", "category", "tags", "version").order_by("source")
        rows = self._session.execute(one).all()
        numbers = self._numbers([row.source for row in rows])
        return tuple(Source(number=numbers.get(row.source, 1), **row._asdict()) for row in rows)

    def history(self, source: str) -> tuple[Version, ...]:
        """Return the versions that a document has had, the first one first."""
        row = DocumentVersionRow
        had = select(
            row.number,
            row.version,
            row.text_hash,
            row.title,
            row.chunks,
            row.created_at.label("since"),
        ).where(*self._versions([source]))
        rows = self._session.execute(had.order_by(row.number)).mappings()
        return tuple(Version(**row) for row in rows)

    def highlight(
        self, query: str, found: Sequence[Found], *, words: int = 35
    ) -> tuple[Highlight, ...]:
        """Return where each that was found answers the text: its passages of up to so many words.

        Asked of what was found only, as it takes a while for long texts. Raises `BadInput`.
        """
        if not 2 <= words <= _MOST_WORDS:  # noqa: PLR2004 - ts_headline wants some room
            raise BadInput(f"a passage has 2 to {_MOST_WORDS:,} words, not {words:,}")
        refuse_bad_query(query)
        ids = [each.memory.id for each in found]
        rows = self._session.execute(
            _headlines(canonical(query), words).where(EntryRow.id == func.any(ids))
        )
        marked = {row.id: _highlight(row.headline) for row in rows}
        return tuple(
            marked.get(each.memory.id) or Highlight(((each.memory.content, False),))
            for each in found
        )

    def forget(self, source: str) -> int:
        """Delete a document and its history; return how many chunks it had, 0 if it is not kept."""
        return self.forget_many([source])

    def forget_many(self, sources: Collection[str]) -> int:
        """Delete documents and their history; return how many chunks they had."""
        self._session.execute(delete(DocumentVersionRow).where(*self._versions(sources)))
        return sum(self._delete(sources).values())

    # What is kept -----------------------------------------------------------------------------

    def _held(self, sources: Collection[str]) -> dict[str, tuple[str, int]]:
        """Return the version of each and its chunks; of what has none, only its history tells."""
        row = DocumentVersionRow
        had = select(row.source, row.version, row.chunks).where(*self._versions(sources))
        newest = had.ext(distinct_on(row.source)).order_by(row.source, row.number.desc())
        empty = {
            each.source: (each.version, 0)
            for each in self._session.execute(newest)
            if not each.chunks
        }
        return empty | {each.source: (each.version, each.chunks) for each in self.sources(sources)}

    def _replace(
        self, documents: Sequence[NewDocument], held: Collection[str]
    ) -> dict[str, Stored]:
        """Put documents in the place of what is kept under their names, in one savepoint."""
        if not documents:
            return {}
        sources = [document.source for document in documents]
        with self._session.begin_nested():
            self._lock(sources)
            gone = {*self._delete(sources), *held}
            self._memories.load(entry for each in documents for entry in _entries(each))
            self._number(documents)
        return {
            each.source: Stored("replaced" if each.source in gone else "new", len(each.chunks))
            for each in documents
        }

    def _lock(self, sources: Iterable[str]) -> None:
        """Let who puts the same documents at the same moment wait: else theirs would mix."""
        whose = ("knowledge", self._tenant, self._namespace)
        numbers = sorted({crc32(source.encode()) % _LOCKS for source in sources})
        names = ["\x1f".join((*whose, str(number))) for number in numbers]
        one_by_one = func.unnest(cast(names, ARRAY(Text))).column_valued("name")
        lock = func.pg_advisory_xact_lock(func.hashtextextended(one_by_one, 0))
        self._session.execute(select(lock))

    def _number(self, documents: Sequence[NewDocument]) -> None:
        """Keep that documents have a new version."""
        before = self._numbers([document.source for document in documents])
        rows = [
            {
                "tenant": self._tenant,
                "namespace": self._namespace,
                "source": document.source,
                "number": before.get(document.source, 0) + 1,
                "version": document.version,
                "text_hash": document.text_hash,
                "title": document.title,
                "chunks": len(document.chunks),
            }
            for document in documents
        ]
        self._session.execute(insert(DocumentVersionRow), rows)

    def _numbers(self, sources: Collection[str]) -> dict[str, int]:
        row = DocumentVersionRow
        newest = select(row.source, func.max(row.number).label("number")).where(
            *self._versions(sources)
        )
        found = self._session.execute(newest.group_by(row.source)).all()
        return {each.source: each.number for each in found}

    def _versions(self, sources: Collection[str]) -> Iterator[ColumnElement[bool]]:
        yield DocumentVersionRow.tenant == self._tenant
        yield DocumentVersionRow.namespace == self._namespace
        yield DocumentVersionRow.source == func.any(_named(sources))

    def _delete(self, sources: Collection[str]) -> dict[str, int]:
        """Delete documents; return how many chunks each had."""
        gone = delete(EntryRow).where(*self._own(sources)).returning(EntryRow.subject)
        deleted = gone.cte("gone")
        counted = select(deleted.c.subject, func.count().label("chunks")).group_by(
            deleted.c.subject
        )
        rows = self._session.execute(counted, execution_options=_UNTRACKED)
        return {row.subject: row.chunks for row in rows}

    def _own(self, sources: Collection[str] | None) -> Iterator[ColumnElement[bool]]:
        yield EntryRow.tenant == self._tenant
        yield EntryRow.namespace == self._namespace
        yield EntryRow.kind == _KIND
        if sources is not None:
            yield EntryRow.subject == func.any(_named(sources))

    # What it is found by ----------------------------------------------------------------------

    def _embedded(self, documents: Sequence[NewDocument]) -> list[NewDocument]:
        if self._embedder is None or all(each.vectors is not None for each in documents):
            return list(documents)
        texts = [embedded_text(chunk) for each in documents for chunk in each.chunks]
        return with_vectors(documents, self._embedder.embed(texts))


def _named(sources: Collection[str]) -> list[str]:
    """Return the names of documents, which may be of any length; raise `BadInput`."""
    return [plain(each, "a source", max(LONGEST_SOURCE, 4 * len(each))) for each in sources]


def embedded_text(chunk: Chunk) -> str:
    """Return what a chunk's vector is of: the headings it stands under, and its text."""
    return under_headings(chunk.headings, chunk.text)


def with_vectors(documents: Sequence[NewDocument], vectors: Vectors) -> list[NewDocument]:
    """Return the documents with the vectors of all their chunks, which come in their order."""
    ends = list(accumulate(len(document.chunks) for document in documents))
    parts = np.split(vectors, ends)  # the last is what is left: nothing
    return [replace(each, vectors=part) for each, part in zip(documents, parts, strict=False)]


def _distinct(document: NewDocument) -> NewDocument:
    """Return a document in which no text comes twice: the first one stays."""
    places = {content_hash(chunk.text): at for at, chunk in reversed([*enumerate(document.chunks)])}
    first = sorted(places.values())
    vectors = None if document.vectors is None else document.vectors[first]
    return replace(document, chunks=[document.chunks[at] for at in first], vectors=vectors)


def _entries(document: NewDocument) -> Iterator[NewMemory]:
    vectors = [None] * len(document.chunks) if document.vectors is None else document.vectors
    known = {
        **_renamed(document.metadata, document.title),
        "title": document.title,
        "tags": list(document.tags),
        "document": document.version,
    }
    if document.category is not None:
        known["category"] = document.category
    for chunk, vector in zip(document.chunks, vectors, strict=True):
        place: dict[str, Json] = {"position": chunk.position, "headings": list(chunk.headings)}
        yield NewMemory(
            chunk.text,
            kind=_KIND,
            subject=document.source,
            metadata={**known, **place},
            vector=vector,
        )


def _renamed(metadata: Mapping[str, object], title: str) -> dict[str, object]:
    """Return metadata with those of a name of ours out of our way."""
    return {
        f"{key}_" if key in _OURS else key: value
        for key, value in metadata.items()
        if key != "title" or value != title
    }


def _headlines(query: str, words: int) -> Select[int, str]:
    """Select the passages of entries that hold what is asked for, between marks no text has."""
    terms = func.agentdb.terms(query).table_valued(column("term", TSQUERY), name="asked")
    any_of = select(cast(func.string_agg(cast(terms.c.term, Text), " | "), TSQUERY))
    clean = func.translate(EntryRow.content, _BEGIN + _END, "")
    options = f"StartSel={_BEGIN}, StopSel={_END}, MaxWords={words}, MinWords={words // 2}"
    more = f', MaxFragments=3, FragmentDelimiter=" {_BETWEEN} "'
    headline = func.ts_headline(
        EntryRow.language, clean, any_of.scalar_subquery(), options + more, type_=Text()
    )
    return select(EntryRow.id, headline.label("headline"))


def _highlight(headline: str | None) -> Highlight | None:
    if headline is None:
        return None
    parts: list[tuple[str, bool]] = []
    for place, piece in enumerate(headline.split(_BEGIN)):
        asked, end, rest = piece.partition(_END)
        if place and end:
            parts.append((asked, True))
        parts.append((rest if place and end else piece, False))
    return Highlight(tuple((text, asked) for text, asked in parts if text))

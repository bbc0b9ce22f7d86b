"""`agentdb ingest` and `search`: files to documents to chunks, a transaction for each batch."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Engine

from agentdb import database
from agentdb.architect.progress import Progress
from agentdb.documents.document import Document, Read, Unreadable
from agentdb.documents.reading import read_documents
from agentdb.documents.splitting import split
from agentdb.embedding.batches import embed_by_length
from agentdb.embedding.cached import content_hash
from agentdb.embedding.embedder import Embedder, Vectors
from agentdb.embedding.files import PACKAGED, packaged_folder, vouched
from agentdb.errors import BadInput
from agentdb.repositories.knowledge import (
    Highlight,
    KnowledgeRepository,
    NewDocument,
    Stored,
    embedded_text,
    with_vectors,
)
from agentdb.repositories.memories import refuse_bad_query
from agentdb.repositories.memory import Found
from agentdb.repositories.vector_index import bulk_load
from agentdb.settings import Settings
from agentdb.wiring.memory import embedder
from agentdb.wiring.storage import storage

BATCH_DOCUMENTS = 500
BATCH_CHARACTERS = 400_000
"""What a transaction holds at the most, unless one document alone has more."""

EMBEDDED_AT_ONCE = 256
"""Chunks whose vectors are kept together: what an interrupt may cost."""

_TOKENIZER = "tokenizer.json"

Sized: TypeAlias = tuple[Read, int]
"""What was read, and how many bytes of all files that makes."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many documents are new, replaced and unchanged, what could not be read, and why.

    `chunks` are those of the new and the replaced ones; `pruned` documents were forgotten, as
    their files or rows are gone.
    """

    new: int
    replaced: int
    unchanged: int
    chunks: int
    unreadable: tuple[Unreadable, ...]
    pruned: int = 0


def ingest(  # noqa: PLR0913 - each is said at the command line
    settings: Settings,
    paths: Sequence[Path],
    *,
    namespace: str,
    tags: Sequence[str],
    text_from: str | None,
    category: str | None = None,
    prune: bool = False,
    tell: Progress,
) -> Summary:
    """Keep the documents of files and folders; what is kept and unchanged is passed over.

    Raises what `storage` and the embedder do, `ReaderMissing`, `SpaceMismatch`.
    """
    with storage(settings) as engine:
        model, _ = embedder(settings, engine)
        ingestion = Ingestion(engine, model, namespace, tuple(tags), _tokenizer(model), category)
        return ingestion.run(paths, text_from, tell, prune=prune)


def search(
    settings: Settings,
    query: str,
    count: int,
    *,
    namespace: str,
    tags: Sequence[str],
    category: str | None = None,
) -> tuple[tuple[Found, ...], tuple[Highlight, ...]]:
    """Return up to `count` chunks for a text, the best first, and where each of them answers."""
    refuse_bad_query(query)
    with storage(settings) as engine:
        model, _ = embedder(settings, engine)
        vector = model.embed([query])[0]
        with database.session(engine) as session:
            knowledge = KnowledgeRepository(session, model, namespace=namespace)
            found = knowledge.search(query, count, tags=tags, category=category, vector=vector)
            return found, knowledge.highlight(query, found)


def _tokenizer(model: Embedder) -> Path | None:
    """Return what counts the tokens of our model; any other's are guessed by characters.

    Not whatever is installed: the same model cuts the same chunks on every machine.
    """
    if model.name != PACKAGED:
        return None
    return vouched(packaged_folder(), _TOKENIZER) / _TOKENIZER


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Where documents go, by which model, with which tags, and how tokens are counted."""

    engine: Engine
    model: Embedder
    namespace: str = ""
    tags: tuple[str, ...] = ()
    tokenizer: Path | None = None
    category: str | None = None

    def run(
        self, paths: Sequence[Path], text_from: str | None, tell: Progress, *, prune: bool = False
    ) -> Summary:
        """Keep what the paths hold, batch by batch: what one has kept, an interrupt leaves.

        With `prune`, documents of these paths whose files or rows are gone are forgotten, once
        all is read.
        """
        if prune:
            _require_folders(paths)
        unreadable: list[Unreadable] = []
        stored: Counter[str] = Counter()
        seen: set[str] = set()
        with bulk_load(self.engine) as expect:
            for batch, bar in _steps(_readings(paths, text_from, seen), _sizes(paths), tell):
                _count(stored, self._batch(batch, unreadable, bar))
                bar(1)
                expect(bar.to_come(stored["chunks"]))
        return Summary(
            stored["new"],
            stored["replaced"],
            stored["unchanged"],
            stored["chunks"],
            tuple(unreadable),
            self._pruned(paths, seen, unreadable) if prune else 0,
        )

    def _pruned(
        self, paths: Sequence[Path], seen: set[str], unreadable: Iterable[Unreadable]
    ) -> int:
        """Forget what is kept of these paths and was not read; return how many documents."""
        doubtful = [each.source for each in unreadable]  # may be there the next time
        with database.session(self.engine) as session:
            knowledge = KnowledgeRepository(session, namespace=self.namespace)
            gone = [
                each.source
                for each in knowledge.sources()
                if each.source not in seen
                and any(_is_of(each.source, _source_of(path)) for path in paths)
                and not any(_is_of(each.source, source) for source in doubtful)
            ]
            knowledge.forget_many(gone)
        return len(gone)

    def _batch(
        self, reads: Iterable[Read], unreadable: list[Unreadable], bar: Callable[[float], None]
    ) -> list[Stored]:
        """Keep documents in one transaction; what cannot be kept goes to `unreadable`."""
        known = [self._known(read) for read in reads]
        unreadable += [each for each in known if isinstance(each, Unreadable)]
        named = [each for each in known if not isinstance(each, Unreadable)]
        held = self._held([new.source for _, new in named])
        changed = [each for each in named if held.get(each[1].source) != each[1].version]
        ready = self._embedded([self._split(*each) for each in changed], bar)
        unchanged = [Stored("unchanged", 0)] * (len(named) - len(changed))
        return [*unchanged, *self._kept(ready)]

    def _known(self, read: Read) -> tuple[Document, NewDocument] | Unreadable:
        if isinstance(read, Unreadable):
            return read
        try:
            return read, NewDocument(
                source=read.source,
                title=read.title,
                text_hash=content_hash(read.text),
                tags=_tags(self.tags, read.metadata.get("tags")),
                category=_category(self.category, read.metadata.get("category")),
                metadata=_others(read.metadata),
            )
        except BadInput as error:
            return Unreadable(read.source, str(error))

    def _held(self, sources: Sequence[str]) -> dict[str, str]:
        """Return the versions that are kept: they need no chunks, and no vectors."""
        with database.session(self.engine) as session:
            knowledge = KnowledgeRepository(session, namespace=self.namespace)
            return {each.source: each.version for each in knowledge.sources(sources)}

    def _split(self, document: Document, new: NewDocument) -> NewDocument:
        chunks = split(document.text, format=document.format, tokenizer=self.tokenizer)
        return replace(new, chunks=chunks)

    def _embedded(
        self, documents: Sequence[NewDocument], bar: Callable[[float], None]
    ) -> list[NewDocument]:
        texts = [embedded_text(chunk) for each in documents for chunk in each.chunks]
        return with_vectors(documents, self._vectors(texts, bar))

    def _vectors(self, texts: Sequence[str], bar: Callable[[float], None]) -> Vectors:
        """Embed texts, those of one length together, each part of them kept at once."""
        return embed_by_length(
            self.model,
            texts,
            at_once=EMBEDDED_AT_ONCE,
            tell=lambda done: bar(done / max(1, len(texts))),
        )

    def _kept(self, documents: Sequence[NewDocument]) -> tuple[Stored, ...]:
        with database.session(self.engine) as session:
            knowledge = KnowledgeRepository(session, self.model, namespace=self.namespace)
            return knowledge.put_many(documents)


def _count(counted: Counter[str], stored: Iterable[Stored]) -> None:
    for each in stored:
        counted[each.status] += 1
        counted["chunks"] += each.chunks


# What is read -------------------------------------------------------------------------------------


def _tags(given: Sequence[str], own: object) -> tuple[str, ...]:
    """Return the tags of a row: those that were told, and its own, a list or a text of words."""
    words = re.split(r"[;,]", own) if isinstance(own, str) else own
    mine = words if isinstance(words, list) else []
    named = [word.strip() for word in mine if isinstance(word, str) and word.strip()]
    return tuple(dict.fromkeys([*given, *named]))


def _category(given: str | None, own: object) -> str | None:
    return given if given is not None or not isinstance(own, str) else own.strip() or None


def _others(metadata: Mapping[str, object]) -> Mapping[str, object]:
    """Return the metadata of a row without those that became its tags or its category."""
    tags, category = metadata.get("tags"), metadata.get("category")
    taken = {"tags"} if isinstance(tags, str | list) else set()
    taken |= {"category"} if isinstance(category, str) else set()
    return {key: value for key, value in metadata.items() if key not in taken}


def _require_folders(paths: Iterable[Path]) -> None:
    """Refuse to prune where nothing says which documents come from there."""
    for path in paths:
        if _source_of(path) in (".", "..", "/"):
            raise BadInput(
                f"--prune with {path} would forget what never was a file: name the folder, as in "
                "agentdb ingest docs --prune"
            )


def _source_of(path: Path) -> str:
    return Path(os.path.normpath(path)).as_posix()


def _is_of(source: str, path: str) -> bool:
    """Whether a document is of a file (or is one of its rows), or of what a folder holds."""
    return source == path or source.startswith((f"{path}/", f"{path}#"))


def _readings(paths: Sequence[Path], text_from: str | None, seen: set[str]) -> Iterator[Read]:
    """Yield what the paths hold, named by the path as it was given; nothing comes twice."""
    for path in paths:
        folder = path if _is_folder(path) else path.parent
        for read in read_documents(path, text_from=text_from):
            source = _below(folder, read.source)
            if source not in seen:
                seen.add(source)
                yield _named(read, source)


def _below(folder: Path, source: str) -> str:
    return Path(os.path.normpath(folder / source)).as_posix()


def _named(read: Read, source: str) -> Read:
    """Return it under that name, which is also a row's title if it has no better one."""
    if isinstance(read, Document) and read.title == read.source:
        return replace(read, source=source, title=source)
    return replace(read, source=source)


def _steps(
    reads: Iterable[Read], sizes: dict[str, int], tell: Progress
) -> Iterator[tuple[list[Read], _Bar]]:
    """Yield what is kept together, and the part of the progress that it makes."""
    total, before = sum(sizes.values()), 0
    for batch in _batches(_placed(reads, sizes)):
        after = batch[-1][1]
        yield [read for read, _ in batch], _Bar(tell, before, after, total)
        before = after


def _batches(placed: Iterable[Sized]) -> Iterator[list[Sized]]:
    batch: list[Sized] = []
    characters = 0
    for read, place in placed:
        batch.append((read, place))
        characters += _length(read)
        if len(batch) >= BATCH_DOCUMENTS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


# How far it is ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bar:
    """Tells how far a batch is: a share of the bytes between two places of all files."""

    tell: Progress
    before: int
    after: int
    total: int

    def __call__(self, share: float) -> None:
        done = self.before + round(share * (self.after - self.before))
        self.tell("ingesting, in KiB", done >> 10, self.total >> 10)

    def to_come(self, so_far: int) -> int:
        """Return how many are to come after this part if it goes on as it did so far."""
        return round(so_far * (self.total - self.after) / self.after) if self.after else 0


def _sizes(paths: Iterable[Path]) -> dict[str, int]:
    """Return the bytes of each file by its source; what cannot be seen counts nothing."""
    files = chain.from_iterable(_files(path) if _is_folder(path) else (path,) for path in paths)
    return {_below(file.parent, file.name): _size(file) for file in files}


def _files(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(top, name) for name in names if not name.startswith("."))


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where nobody may look


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _placed(reads: Iterable[Read], sizes: dict[str, int]) -> Iterator[Sized]:
    """Yield each with the bytes up to it: whole files, and of the last one what was read."""
    finished = within = 0
    current = ""
    for read in reads:
        file = read.source if read.source in sizes else read.source.rpartition("#")[0]
        if file != current:
            finished += sizes.get(current, 0)
            current, within = file, 0
        within += _length(read)
        yield read, finished + min(within, sizes.get(file, 0))


def _length(read: Read) -> int:
    return len(read.text) if isinstance(read, Document) else 0

"""Prompts by name and version: kept, labelled, searched, and compared by what became of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from hashlib import sha256
from math import inf, isfinite
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import BadInput, BadText, NotFound
from agentdb.models.base import Json
from agentdb.models.entry import Kind
from agentdb.models.prompt import PromptLabelRow, PromptRow, PromptUseRow, PromptVersionRow
from agentdb.rates import rate
from agentdb.repositories.checks import HALVES, LARGEST, checked_name, moment, numbered, plain
from agentdb.repositories.judging import gap, judged
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import DEFAULT_TENANT, NewMemory
from agentdb.repositories.prompt import (
    Best,
    Comparison,
    FoundPrompt,
    Measure,
    Prompt,
    Tally,
    searchable,
    variables,
)
from agentdb.repositories.tenancy import Tenanted
from agentdb.search.filters import Filter, storable

ENOUGH = 20
"""Uses with an outcome, from which on a version may be called the best."""

_KIND: Kind = "prompt"
_UNTRACKED = {"synchronize_session": False}
_LONGEST_DESCRIPTION = 10_000


class PromptRepository(Tenanted):
    """Prompts in the caller's session: never committed here.

    A name has the versions 1, 2, 3 and so on, which never change; labels such as `production` point
    at one each. All of them belong to one tenant and one namespace. Without an embedder prompts are
    searched by their words alone.

    >>> prompts = PromptRepository(session, embedder)
    >>> prompts.put("greeting", "Good morning, $name").render(name="Ada")
    'Good morning, Ada'
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

    def put(
        self,
        name: str,
        template: str,
        *,
        description: str | None = None,
        metadata: Mapping[str, object] | None = None,
        labels: Collection[str] = (),
        vector: Vector | None = None,
    ) -> Prompt:
        """Keep a text under a name, and let labels point at it; return its version.

        A text that the name has had is the version that it was: nothing is made anew, so that a
        program may put its prompts whenever it starts. Two who put at once get versions that
        follow each other. For the syntax see `prompt.variables`; `vector` is of
        `prompt.searchable`. Raises `BadText`, `BadTemplate`, `BadMetadata`, `SpaceMismatch`, and
        `BadInput` where that text is kept with another description or other metadata.
        """
        row = self._version_row(name, template, description, metadata)
        names = [checked_name(label, "a label") for label in _several(labels)]
        entry = self._entry(name, template, row["description"] or "", row["metadata_"], vector)
        with self._session.begin_nested():
            newest, entry_id = self._locked(name)
            version = self._version_of(name, row, said=(description, metadata))
            if version is None:
                version = self._add(newest + 1, row)
            if version > newest or (entry_id is None and version == newest):
                self._make_searchable(name, entry, instead_of=entry_id)
            self._point(name, names, version)
        return self.get(name, version)

    def get(self, name: str, version: int | None = None, *, label: str | None = None) -> Prompt:
        """Return a version, the one that a label points at, or the newest; raise `NotFound`."""
        if version is not None and label is not None:
            raise BadInput("a version or a label says which prompt is meant: give one of the two")
        found = self._prompts(_is_name(name), self._which(version, label, name))
        if not found:
            which = f" {version or label}" if version is not None or label else ""
            raise NotFound(f"there is no prompt {ascii(name)[:60]}{which}: see list and history")
        return found[0]

    def list(self, *, label: str | None = None) -> tuple[Prompt, ...]:
        """Return the newest version of each prompt by name, or those that a label points at."""
        return self._prompts(self._which(None, label))

    def history(self, name: str) -> tuple[Prompt, ...]:
        """Return every version of a prompt, the first one first; none if there is no such name."""
        return self._prompts(_is_name(name))

    def label(self, name: str, label: str, version: int) -> Prompt:
        """Let a label point at a version, and at no other any more; raise `NotFound`."""
        checked_name(label, "a label")
        self.get(name, version)
        self._point(name, [label], version)
        return self.get(name, version)

    def unlabel(self, name: str, label: str) -> bool:
        """Take a label away; return whether it was there."""
        own = self._own(PromptLabelRow, name)
        gone = delete(PromptLabelRow).where(*own, PromptLabelRow.label == plain(label, "a label"))
        taken = self._session.scalars(
            gone.returning(PromptLabelRow.label), execution_options=_UNTRACKED
        )
        return taken.one_or_none() is not None

    def search(
        self,
        query: str,
        k: int = 10,
        *,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        vector: Vector | None = None,
    ) -> tuple[FoundPrompt, ...]:
        """Return the `k` prompts that answer a text best, or as many as there are.

        The newest version of each is searched, by words and by meaning, with its name and its
        description; `filter` is about its metadata. Raises `BadText`, `BadFilter`, `SpaceMismatch`.
        """
        found = self._memories.search(query, k, kinds=[_KIND], filter=filter, vector=vector)
        entries = [each.memory.id for each in found]
        prompts = dict(self._by_entry(entries)) if entries else {}
        return tuple(
            FoundPrompt(
                prompts[each.memory.id],
                *(getattr(each, field.name) for field in fields(FoundPrompt)[1:]),
            )
            for each in found
            if each.memory.id in prompts
        )

    def forget(self, name: str) -> int:
        """Delete a prompt with all that is known of it; return how many versions it had."""
        versions = len(self.history(name))
        own = self._own(PromptRow, name)
        gone = delete(PromptRow).where(*own).returning(PromptRow.entry_id)
        entry = self._session.scalar(gone, execution_options=_UNTRACKED)
        if entry is not None:
            self._memories.forget(entry)
        return versions

    # What became of uses ----------------------------------------------------------------------

    def record(  # noqa: PLR0913 - each is an outcome by itself
        self,
        name: str,
        version: int,
        *,
        success: bool | None = None,
        score: float | None = None,
        latency_ms: float | None = None,
        tokens: int | None = None,
        task: str | None = None,
    ) -> int:
        """Keep what became of one use of a version; return the id of the record.

        `score` is 0 to 1; `task` is what it was used for, such as `triage`. What is not known stays
        out. Raises `NotFound` and `BadInput`.
        """
        outcome = {
            "task": None if task is None else checked_name(task, "a task"),
            "success": _yes_or_no(success),
            "score": _between(score, "a score", 1),
            "latency_ms": _between(latency_ms, "latency_ms", inf),
            "tokens": _count(tokens),
        }
        row = PromptVersionRow
        version_used = select(
            row.tenant,
            row.namespace,
            row.name,
            row.version,
            *(bindparam(key, value, _type(key)) for key, value in outcome.items()),
        ).where(*self._own(row, name), numbered(row.version, version))
        columns = ["tenant", "namespace", "name", "version", *outcome]
        kept = insert(PromptUseRow).from_select(columns, version_used).returning(PromptUseRow.id)
        identifier = self._session.scalar(kept)
        if identifier is None:
            raise NotFound(f"there is no prompt {ascii(name)[:60]} {version}: put it first")
        return identifier

    def outcomes(
        self,
        name: str | None = None,
        *,
        task: str | None = None,
        since: datetime | None = None,
    ) -> tuple[Tally, ...]:
        """Return how the uses went of each version of a prompt, or of all that did a task.

        Of a name, versions without uses are there too. Only uses for that `task`, only `since`
        then. Raises `BadInput` where neither is given, `NotFound` for an unknown name.
        """
        if name is None and task is None:
            raise BadInput("say whose outcomes: a name, a task, or both")
        moment(since, "since")
        rows = self._session.execute(self._tallied(name, task, since)).mappings()
        tallies = tuple(_tally(row) for row in rows)
        if name is not None and not tallies:
            self.get(name)
        return tallies

    def best(
        self,
        name: str | None = None,
        *,
        task: str | None = None,
        by: Measure = "success",
        since: datetime | None = None,
        enough: int = ENOUGH,
    ) -> Best:
        """Return which version of a prompt, or which prompt for a task, did best.

        The one whose rate is surely the highest: with the largest lower end of Wilson's 95 %
        interval (1927), among those with `enough` outcomes, so that 2 of 2 do not beat 95 of 100.
        "Not enough uses" is an answer. It is `clear` where Newcombe's 95 % interval (1998) of its
        difference to each other one lies above 0; of versions that are alike, one is called so in
        less than 1 of 20 cases, however many there are.

        These are uses as they came, not an experiment: where two versions did different tasks,
        give the task. Raises as `outcomes` does.
        """
        if by not in ("success", "score"):
            raise BadInput(f"versions are compared by success or by score, not {ascii(by)[:40]}")
        if enough < 1:
            raise BadInput(f"enough uses are at least 1, not {enough}")
        return judged(self.outcomes(name, task=task, since=since), by, enough)

    def compare(
        self,
        name: str,
        one: int,
        other: int,
        *,
        task: str | None = None,
        since: datetime | None = None,
    ) -> Comparison:
        """Return how two versions did, and whether the difference may be chance.

        Raises `NotFound`.
        """
        tallies = {each.version: each for each in self.outcomes(name, task=task, since=since)}
        for version in (one, other):
            if version not in tallies:
                raise NotFound(f"there is no prompt {ascii(name)[:60]} {version}: see history")
        first, second = tallies[one], tallies[other]
        return Comparison(
            one=first,
            other=second,
            success=gap(second.success, first.success),
            score=gap(second.score, first.score),
        )

    # What is kept -----------------------------------------------------------------------------

    def _version_row(
        self,
        name: str,
        template: str,
        description: str | None,
        metadata: Mapping[str, object] | None,
    ) -> dict[str, Any]:
        names = list(variables(template))  # before what is left to be refused
        return {
            "tenant": self._tenant,
            "namespace": self._namespace,
            "name": checked_name(name, "the name of a prompt"),
            "template": template,
            "template_hash": sha256(template.encode()).digest(),
            "variables": names,
            "description": _described(description),
            "metadata_": storable(metadata or {}),
        }

    def _entry(
        self,
        name: str,
        template: str,
        description: str,
        metadata: Mapping[str, Json],
        vector: Vector | None,
    ) -> NewMemory:
        """Return what the prompt is searched by, embedded before a lock is held."""
        text = searchable(name, template, description)
        if vector is None and self._embedder is not None:
            vector = self._embedder.embed([text])[0]
        return NewMemory(text, kind=_KIND, subject=name, metadata=metadata, vector=vector)

    def _locked(self, name: str) -> tuple[int, int | None]:
        """Return the newest version and the entry of a name, which is ours until we commit."""
        own = {"tenant": self._tenant, "namespace": self._namespace, "name": name}
        made = insert(PromptRow).values(own)
        locked = made.on_conflict_do_update(
            index_elements=list(own), set_={"newest": PromptRow.newest}
        ).returning(PromptRow.newest, PromptRow.entry_id)
        row = self._session.execute(locked, execution_options=_UNTRACKED).one()
        return row.newest, row.entry_id

    def _version_of(
        self,
        name: str,
        row: Mapping[str, Any],
        said: tuple[str | None, Mapping[str, object] | None],
    ) -> int | None:
        """Return the version that a text is already; what is `said` of it has to be the same."""
        table = PromptVersionRow
        kept = self._session.execute(
            select(table.version, table.description, table.metadata_).where(
                *self._own(table, name), table.template_hash == row["template_hash"]
            )
        ).one_or_none()
        if kept is None:
            return None
        description, metadata = said
        if (description is not None and kept.description != row["description"]) or (
            metadata is not None and kept.metadata_ != row["metadata_"]
        ):
            raise BadInput(
                f"version {kept.version} of the prompt {name} has this text and another "
                "description or other metadata: a version stays as it is, change the text"
            )
        return int(kept.version)

    def _add(self, version: int, row: Mapping[str, Any]) -> int:
        self._session.execute(insert(PromptVersionRow).values({**row, "version": version}))
        newest = update(PromptRow).where(*self._own(PromptRow, row["name"]))
        self._session.execute(newest.values(newest=version), execution_options=_UNTRACKED)
        return version

    def _make_searchable(self, name: str, entry: NewMemory, *, instead_of: int | None) -> None:
        """Let the newest version be found, and no other one."""
        if instead_of is not None:
            self._memories.forget(instead_of)
        found_by = self._memories.add(entry)
        there = update(PromptRow).where(*self._own(PromptRow, name))
        self._session.execute(there.values(entry_id=found_by.id), execution_options=_UNTRACKED)

    def _point(self, name: str, labels: Iterable[str], version: int) -> None:
        """Let labels point at a version; in order, so that two who do it cannot deadlock."""
        own = {"tenant": self._tenant, "namespace": self._namespace, "name": name}
        rows = [{**own, "label": label, "version": version} for label in sorted(set(labels))]
        if not rows:
            return
        made = insert(PromptLabelRow).values(rows)
        moved = made.on_conflict_do_update(
            index_elements=[*own, "label"],
            set_={"version": made.excluded.version, "moved_at": func.clock_timestamp()},
            where=PromptLabelRow.version != made.excluded.version,
        )
        self._session.execute(moved, execution_options=_UNTRACKED)

    # What is read -----------------------------------------------------------------------------

    def _own(self, table: Any, name: str | None = None) -> Iterator[ColumnElement[bool]]:  # noqa: ANN401 - any of the four
        yield table.tenant == self._tenant
        yield table.namespace == self._namespace
        if name is not None:
            yield table.name == plain(name, "the name of a prompt")

    def _which(
        self, version: int | None, label: str | None, name: str | None = None
    ) -> ColumnElement[bool]:
        """Return what is true of the version that is meant; of one `name` it is looked up once."""
        row = PromptVersionRow
        if version is not None:
            return numbered(row.version, version)
        there: Any = PromptRow if label is None else PromptLabelRow
        pointing = select(PromptRow.newest if label is None else PromptLabelRow.version).where(
            *self._own(there, name)
        )
        if label is not None:
            pointing = pointing.where(PromptLabelRow.label == plain(label, "a label"))
        if name is None:
            pointing = pointing.where(there.name == row.name)
        return row.version == pointing.scalar_subquery()

    def _prompts(self, *meant: ColumnElement[bool]) -> tuple[Prompt, ...]:
        rows = self._session.execute(self._selected(*meant)).mappings()
        return tuple(_prompt(row) for row in rows)

    def _by_entry(self, entries: Sequence[int]) -> Iterator[tuple[int, Prompt]]:
        newest = and_(
            *_same_name(PromptRow, PromptVersionRow), PromptVersionRow.version == PromptRow.newest
        )
        chosen = self._selected(PromptRow.entry_id == func.any(entries)).join(PromptRow, newest)
        for row in self._session.execute(chosen.add_columns(PromptRow.entry_id)).mappings():
            values = dict(row)
            yield values.pop("entry_id"), _prompt(values)

    def _selected(self, *meant: ColumnElement[bool]) -> Select[Any]:
        row = PromptVersionRow
        labels = (
            select(PromptLabelRow.label)
            .where(_same_version(PromptLabelRow, row))
            .order_by(PromptLabelRow.label)
            .scalar_subquery()
        )
        return (
            select(
                row.tenant,
                row.namespace,
                row.name,
                row.version,
                row.template,
                row.variables,
                row.description,
                row.metadata_.label("metadata"),
                func.array(labels).label("labels"),
                row.created_at,
            )
            .where(*self._own(row), *meant)
            .order_by(row.name, row.version)
        )

    def _tallied(self, name: str | None, task: str | None, since: datetime | None) -> Select[Any]:
        use, row = PromptUseRow, PromptVersionRow
        meant = [*self._own(use, name)]
        if task is not None:
            meant.append(use.task == plain(task, "a task"))
        if since is not None:
            meant.append(use.created_at >= since)
        if name is None:
            return (
                select(use.name, use.version, *_TALLIED)
                .where(*meant)
                .group_by(use.name, use.version)
                .order_by(use.name, use.version)
            )
        return (
            select(row.name, row.version, *_TALLIED)
            .outerjoin(use, and_(_same_version(use, row), *meant))
            .where(*self._own(row, name))
            .group_by(row.name, row.version)
            .order_by(row.version)
        )


_TALLIED = (
    func.count(PromptUseRow.id).label("uses"),
    func.count(PromptUseRow.success).label("judged"),
    func.count(PromptUseRow.id).filter(PromptUseRow.success.is_(True)).label("successes"),
    func.count(PromptUseRow.score).label("scored"),
    func.coalesce(func.sum(PromptUseRow.score), 0).label("scores"),
    func.avg(PromptUseRow.latency_ms).label("mean_latency_ms"),
    func.percentile_cont(0.95).within_group(PromptUseRow.latency_ms).label("p95_latency_ms"),
    func.coalesce(func.sum(PromptUseRow.tokens), 0).label("tokens"),
    func.max(PromptUseRow.created_at).label("last_used_at"),
)


def _is_name(name: str) -> ColumnElement[bool]:
    return PromptVersionRow.name == plain(name, "the name of a prompt")


def _same_name(table: Any, row: Any) -> Iterator[ColumnElement[bool]]:  # noqa: ANN401 - any of the four
    yield table.tenant == row.tenant
    yield table.namespace == row.namespace
    yield table.name == row.name


def _same_version(table: Any, row: Any) -> ColumnElement[bool]:  # noqa: ANN401 - labels or uses
    return and_(*_same_name(table, row), table.version == row.version)


def _type(outcome: str) -> Any:  # noqa: ANN401 - SQLAlchemy's
    return PromptUseRow.__table__.c[outcome].type


def _prompt(row: Mapping[Any, Any]) -> Prompt:
    lists = {key: tuple(row[key]) for key in ("variables", "labels")}
    return Prompt(**{**row, **lists})


def _tally(row: Mapping[Any, Any]) -> Tally:
    values = dict(row)
    judged, successes = values.pop("judged"), values.pop("successes")
    scored, scores = values.pop("scored"), values.pop("scores")
    values["tokens"] = int(values["tokens"])
    return Tally(success=rate(successes, judged), score=rate(scores, scored), **values)


# What is refused ----------------------------------------------------------------------------------


def _described(description: str | None) -> str:
    text = description or ""
    if "\x00" in text or HALVES.search(text):
        raise BadText("the description holds a NUL character or half of one: remove it")
    if len(text) > _LONGEST_DESCRIPTION:
        raise BadText(
            f"the description has {len(text):,} characters, {_LONGEST_DESCRIPTION:,} are allowed"
        )
    return text


def _several(labels: Collection[str]) -> Collection[str]:
    if isinstance(labels, str):
        raise BadInput(f"labels are a list, not the text {ascii(labels)[:40]}: put it in brackets")
    return labels


def _yes_or_no(success: object) -> bool | None:
    if success is None or isinstance(success, bool):
        return success
    raise BadInput(f"success is True, False or None, not {ascii(success)[:40]}: see score")


def _between(number: float | None, what: str, highest: float) -> float | None:
    if number is None or (isfinite(number) and 0 <= number <= highest):
        return None if number is None else float(number)
    allowed = "0 or more" if highest == inf else f"between 0 and {highest:g}: scale it"
    raise BadInput(f"{what} is {number:g}, but has to be {allowed}")


def _count(tokens: object) -> int | None:
    if tokens is None or (isinstance(tokens, int) and 0 <= tokens <= LARGEST):
        return tokens
    raise BadInput(f"tokens are a whole number, 0 or more, not {ascii(tokens)[:40]}")

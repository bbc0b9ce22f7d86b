"""Stage 1: what does the database spend its time on?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from agentdb.target.connection import Connection
from agentdb.target.kinds import Kind, is_ours, is_system, kind_of, named_relations
from agentdb.target.statements import (
    HIDDEN,
    TAG,
    Entry,
    Window,
    hidden_texts,
    read_entries,
    watch_activity,
)
from agentdb.target.syntax import Unparsable, find, fingerprint, parse_one, pb, walk

_LONGEST_LIST = 50


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Which statements are worth a look: all of these must hold.

    `share_of_time` (0 to 1) takes the heaviest statements until they make up that share of
    the time of all that can be analysed, and whatever takes `least_share` of it alone;
    `top` takes no more than that many of them.
    """

    share_of_time: float = 0.99
    top: int = 200
    least_share: float = 0.0003
    min_mean_milliseconds: float = 0.0
    min_calls: int = 1


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the workload, whoever sent it; rows and blocks are totals of all calls.

    `blocks` are those of tables and indexes (read, or found in memory), `temp_blocks` those
    of what did not fit into work_mem. `share_of_time` (0 to 1) is of the workload.
    """

    fingerprint: str
    query: str
    kind: Kind
    calls: int
    total_milliseconds: float
    rows: int
    blocks: int
    temp_blocks: int
    share_of_time: float

    @property
    def mean_milliseconds(self) -> float:
        """The time of one call."""
        return self.total_milliseconds / max(self.calls, 1)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A statement left out, and why; without a fingerprint when it cannot be parsed."""

    fingerprint: str
    query: str
    share_of_time: float
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the workload is looked at; `share_of_time` is 0 to 1."""

    statements: int
    analysed: int
    share_of_time: float


@dataclass(frozen=True, slots=True)
class Workload:
    """What the database has executed since `window.since`, the heaviest first.

    Of the statements left out the fifty heaviest are listed in `skipped`; `unlisted` more
    are only counted. agentdb's own statements are neither here nor in the total.
    """

    statements: tuple[Statement, ...]
    skipped: tuple[Skipped, ...]
    unlisted: int
    total_milliseconds: float
    window: Window
    server_version: int  # 180001
    notes: tuple[str, ...] = ()

    @property
    def coverage(self) -> Coverage:
        """How much of the workload is looked at."""
        analysed = len(self.statements)
        share = sum(statement.share_of_time for statement in self.statements)
        return Coverage(analysed + len(self.skipped) + self.unlisted, analysed, min(share, 1.0))


def read_workload(connection: Connection, thresholds: Thresholds) -> Workload:
    """Return what this database has executed at top level, and what of it is worth a look.

    A workload with nothing in it says so in its notes. Raises StatementsUnavailable when
    pg_stat_statements is not installed, not preloaded, not readable or hides every text,
    ExtensionTooOld before its version 1.8, TargetLost when the server goes away.
    """
    entries, window = read_entries(connection)
    workload = judge(entries, thresholds, window, connection.info.server_version)
    if not workload.statements and any(entry.query == HIDDEN for entry in entries):
        raise hidden_texts(connection.info.user)
    return workload


def read_examples(connection: Connection, seconds: float = 0.0) -> dict[str, tuple[str, ...]]:
    """Return, by fingerprint, texts with literals in them that sessions sent last.

    They are watched for so many seconds; a text is there as often as it was sent.
    """
    return examples_in(watch_activity(connection, seconds))


def examples_in(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return by fingerprint those texts that hold a single statement with a literal in it; pure."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for text in texts:
        if TAG not in text and _has_literals(text):
            found[fingerprint(text)].append(text)
    return {key: tuple(sorted(examples)) for key, examples in found.items()}


def _has_literals(text: str) -> bool:
    try:
        tree = parse_one(text)
    except Unparsable:
        return False
    return next(find(tree, pb.A_Const), None) is not None


def relation_names(workload: Workload) -> frozenset[str]:
    """Return the bare names of all relations that the workload's statements name."""
    trees = (parse_one(statement.query) for statement in workload.statements)
    return frozenset(name.relname for tree in trees for name in find(tree, pb.RangeVar))


# What the rows of pg_stat_statements make up; pure ------------------------------------------------


@dataclass(frozen=True, slots=True)
class _LeftOut:
    reason: str


_OURS = _LeftOut("agentdb's own")


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows of one statement (several users, several texts), and what to make of it."""

    fingerprint: str
    entries: tuple[Entry, ...]  # the heaviest first
    verdict: Kind | _LeftOut

    @property
    def query(self) -> str:
        return self.entries[0].query or ""

    @property
    def calls(self) -> int:
        return sum(entry.calls for entry in self.entries)

    @property
    def milliseconds(self) -> float:
        return sum(entry.total_milliseconds for entry in self.entries)


def judge(
    entries: Iterable[Entry], thresholds: Thresholds, window: Window, server_version: int
) -> Workload:
    """Return the workload that rows of pg_stat_statements make up."""
    groups = sorted(_groups(entries), key=lambda one: (-one.milliseconds, one.fingerprint))
    total = sum(group.milliseconds for group in groups)
    able = [group for group in groups if not isinstance(group.verdict, _LeftOut)]
    reasons = _below(able, thresholds)
    skipped = [
        Skipped(group.fingerprint, group.query, _share(group, total), reason)
        for group in groups
        if (reason := reasons.get(group.fingerprint) or _reason(group))
    ]
    chosen = [group for group in able if group.fingerprint not in reasons]
    return Workload(
        statements=tuple(_statement(group, total) for group in chosen),
        skipped=tuple(skipped[:_LONGEST_LIST]),
        unlisted=len(skipped[_LONGEST_LIST:]),
        total_milliseconds=total,
        window=window,
        server_version=server_version,
        notes=tuple(_notes(groups, able, window)),
    )


def _groups(entries: Iterable[Entry]) -> Iterator[_Group]:
    rows: defaultdict[tuple[str, str | None], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.query is None or TAG not in entry.query:
            mark = _mark(entry.query)
            rows[mark, None if mark else entry.query].append(entry)
    for (mark, _), found in rows.items():
        found.sort(key=lambda entry: (-entry.total_milliseconds, entry.query or ""))
        verdict = _verdict(found[0].query, len(found))
        if verdict is not _OURS:
            yield _Group(mark, tuple(found), verdict)


def _mark(text: str | None) -> str:
    if text is None or text == HIDDEN:
        return ""
    try:
        return fingerprint(text)
    except Unparsable:
        return ""


def _verdict(text: str | None, rows: int) -> Kind | _LeftOut:
    if text is None:
        return _LeftOut("the server has lost its text")
    if text == HIDDEN:
        return _LeftOut(f"{rows} texts of other users are hidden: grant pg_read_all_stats")
    try:
        tree = parse_one(text)
    except Unparsable as error:
        return _LeftOut(f"cannot be parsed: {error}")
    return _verdict_on_tree(tree)


def _verdict_on_tree(tree: pb.Node) -> Kind | _LeftOut:
    if tree.WhichOneof("node") == "transaction_stmt":
        return _LeftOut("transaction control")
    kind = kind_of(tree)
    if kind is None:
        return _LeftOut("a utility statement")
    return _verdict_on_relations(named_relations(list(walk(tree)))) or kind


def _verdict_on_relations(relations: Sequence[pb.RangeVar]) -> _LeftOut | None:
    if not relations:
        return _LeftOut("names no table")
    if all(is_system(name) for name in relations):
        return _LeftOut("reads the system's catalogs only")
    if all(is_system(name) or is_ours(name) for name in relations):
        return _OURS
    return None


def _below(able: Sequence[_Group], thresholds: Thresholds) -> dict[str, str]:
    """Return why statements are not worth a look, by fingerprint; the heaviest come first."""
    before = list(accumulate((group.milliseconds for group in able), initial=0.0))
    enough = thresholds.share_of_time * before[-1] if thresholds.share_of_time < 1 else None
    reasons: dict[str, str] = {}
    for position, group in enumerate(able):
        small = group.milliseconds < thresholds.least_share * before[-1]
        is_tail = enough is not None and before[position] >= enough and small
        taken = position - len(reasons)
        if reason := _below_one(group, thresholds, taken, is_tail=is_tail):
            reasons[group.fingerprint] = f"below the threshold: {reason}"
    return reasons


def _below_one(group: _Group, thresholds: Thresholds, taken: int, *, is_tail: bool) -> str | None:
    if is_tail:
        return f"the statements above it make up {thresholds.share_of_time * 100:.0f} % of the time"
    if group.milliseconds < thresholds.min_mean_milliseconds * group.calls:
        return f"a mean under {thresholds.min_mean_milliseconds:g} ms"
    if group.calls < thresholds.min_calls:
        return f"fewer than {thresholds.min_calls} calls"
    if taken >= thresholds.top:
        return f"not among the {thresholds.top} heaviest"
    return None


def _reason(group: _Group) -> str | None:
    return group.verdict.reason if isinstance(group.verdict, _LeftOut) else None


def _share(group: _Group, total: float) -> float:
    return group.milliseconds / total if total else 0.0


def _statement(group: _Group, total: float) -> Statement:
    assert not isinstance(group.verdict, _LeftOut)  # noqa: S101 - only these are chosen
    return Statement(
        fingerprint=group.fingerprint,
        query=group.query,
        kind=group.verdict,
        calls=group.calls,
        total_milliseconds=group.milliseconds,
        rows=sum(entry.rows for entry in group.entries),
        blocks=sum(entry.blocks for entry in group.entries),
        temp_blocks=sum(entry.temp_blocks for entry in group.entries),
        share_of_time=_share(group, total),
    )


def _notes(groups: Sequence[_Group], able: Sequence[_Group], window: Window) -> Iterator[str]:
    if not groups:
        yield (
            "pg_stat_statements holds no statement of this database yet: "
            "let the application run for a while, then audit again"
        )
    elif not able:
        yield f"none of the {len(groups)} statements recorded reads or writes a table"
    if window.evictions:
        since = f" since {window.since:%Y-%m-%d %H:%M}" if window.since else ""
        yield (
            f"pg_stat_statements had to forget statements {window.evictions} times{since}: "
            "raise pg_stat_statements.max; rare statements are missing here"
        )

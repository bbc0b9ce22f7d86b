"""Advice out of the door as pull requests: each opened once, kept true, and followed to its end.

A row is committed before anything goes out, and the forge is asked for what is there before
anything is sent: whoever is killed in between, the next run goes on from what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from uuid import UUID

from sqlalchemy import Engine

from agentdb import database
from agentdb.delivery.forge import Draft, Forge, Request, foremost
from agentdb.delivery.proof import Proof, TakenBack, body, outcome, outcome_mark, title
from agentdb.delivery.repository import File, Push, Repository
from agentdb.delivery.topics import (
    branch_of,
    digest,
    is_request,
    mark_in,
    outcome_of,
    topic_of,
)
from agentdb.delivery.words import first_line, percent
from agentdb.errors import AgentDBError, DatabaseError, DeliveryError, ForgeRefused, StatusRefused
from agentdb.models.delivery import DeliveryState
from agentdb.models.optimization import Status, Verdict
from agentdb.repositories.advice import Optimization
from agentdb.repositories.deliveries import Delivery, DeliveryRepository, Intent
from agentdb.repositories.optimizations import OptimizationRepository

Action = Literal[
    "opened", "updated", "unchanged", "merged", "closed", "commented", "skipped", "failed"
]
Files = Callable[[Optimization, Path], Sequence[File]]
"""Makes the migration of a piece of advice for a checkout of the repository."""
Tell = Callable[[str], None]
"""Is told each step once it is done."""

_OPEN: tuple[Status, ...] = ("proposed", "accepted")
_TOLD: tuple[Verdict, ...] = ("confirmed", "neutral", "regressed")
_LONGEST_REASON = 300
# What GitHub and what GitLab answer where a request of the same branch is open already.
_TAKEN = (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT)


@dataclass(frozen=True, slots=True)
class Requested:
    """What became of one piece of advice on its way out; `reason` is empty where it is plain."""

    advice_id: UUID
    title: str
    action: Action
    url: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """Where requests go: a project, its branch, and a clone of that, made when it is needed."""

    forge: Forge
    base: str
    checkout: Callable[[], Repository]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A request or a comment as it is to be."""

    topic: str
    advice: Optimization


class Desk:
    """One run of deliveries to one project; be alone at it.

    `least` is how sure advice must be, 0 to 1.
    """

    def __init__(
        self, engine: Engine, door: Door, files: Files, least: float, tell: Tell = lambda _: None
    ) -> None:
        self._engine = engine
        self._door = door
        self._forge = door.forge
        self._files = files
        self._least = least
        self._tell = tell

    def deliver(self, advice: Optimization) -> Requested:
        """Open or update the request of a piece of advice, and say what was done."""
        wanted = _Wanted(topic_of(advice), advice)
        why_not = unfit(advice, self._least)
        return _told(wanted, "skipped", reason=why_not) if why_not else self._send(wanted)

    def learn(self) -> Iterator[Requested]:
        """Keep which of the requests sent have been merged or closed, and what that decides."""
        for kept in (*self._requests("sent"), *self._requests("intended")):
            wanted = _Wanted(kept.topic, self._advice(kept))
            found = self._counting(wanted)
            if found is not None and found.state != "open":
                yield self._end(kept, wanted, found)
            elif kept.state == "sent" and wanted.advice.status == "superseded":
                yield from self._say(kept, wanted.advice, "superseded")
            elif kept.state == "intended" and found is not None:
                # Who opened it was killed before that was kept.
                yield self._keep_sent(kept, wanted, found, "opened")

    def report(self) -> Iterator[Requested]:
        """Say on merged requests what was measured since, and take back what made things worse."""
        for kept in self._requests("merged"):
            advice = self._advice(kept)
            if advice.verdict in _TOLD:
                yield from self._say(kept, advice, advice.verdict)
            yield from map(self.deliver, self._ways_back(advice))

    # A request, step by step -----------------------------------------------------------------

    def _send(self, wanted: _Wanted) -> Requested:
        kept = self._intend(wanted)
        try:
            if kept.place != self._forge.place and not self._has_moved(kept, wanted):
                return _told(wanted, "skipped", kept.url, f"it was sent to {kept.place} before")
            return self._meet(kept, wanted)
        except DatabaseError:
            raise
        except AgentDBError as error:
            return self._failed(kept, wanted, "failed", str(error))

    def _meet(self, kept: Delivery, wanted: _Wanted) -> Requested:
        found = self._counting(wanted)
        self._tell("looked")
        if found is not None and found.state != "open":
            return self._end(kept, wanted, found)
        files = self._files(wanted.advice, self._repository.folder)
        paths = tuple(file.path.as_posix() for file in files)
        proof = Proof(wanted.topic, wanted.advice, paths, self._taken_back(wanted.advice))
        push = self._repository.push(branch_of(wanted.topic), files, title(proof))
        self._tell("pushed")
        if found is not None:
            return self._update(kept, wanted, found, proof, push)
        if push == "contained":
            reason = f"{self._door.base} has its migration already"
            return self._failed(kept, wanted, "skipped", reason)
        return self._open(kept, wanted, proof)

    def _has_moved(self, kept: Delivery, wanted: _Wanted) -> bool:
        """Tell whether a project has moved here, with its requests, and keep that."""
        if not self._forge.requests_of(branch_of(wanted.topic)):
            return False
        with database.session(self._engine) as session:
            DeliveryRepository(session).move(kept.channel, kept.place, self._forge.place)
        return True

    def _counting(self, wanted: _Wanted) -> Request | None:
        """Return the request that counts for advice, if there is one."""
        found = self._forge.requests_of(branch_of(wanted.topic))
        return foremost([each for each in found if not _is_past(each, wanted.advice)])

    def _open(self, kept: Delivery, wanted: _Wanted, proof: Proof) -> Requested:
        draft = Draft(title(proof), body(proof), branch_of(wanted.topic), self._door.base)
        try:
            request = self._forge.open_request(draft)
        except ForgeRefused as error:
            # Somebody opened it a moment ago, or it was opened and the answer got lost.
            found = self._counting(wanted)
            if error.status not in _TAKEN or found is None:
                raise
            request = found
        self._tell("opened")
        return self._keep_sent(kept, wanted, request, "opened")

    def _update(
        self, kept: Delivery, wanted: _Wanted, found: Request, proof: Proof, push: Push
    ) -> Requested:
        said, wished = mark_in(found.body), body(proof)
        if said is None:
            reason = "its text was changed there, and is left as it is"
            return self._keep_sent(kept, wanted, found, _changed(push), reason)
        if said == mark_in(wished):
            return self._keep_sent(kept, wanted, found, _changed(push), _PUSHES[push])
        request = self._forge.update_request(found.number, title(proof), wished)
        self._tell("updated")
        return self._keep_sent(kept, wanted, request, "updated", _PUSHES[push])

    def _end(self, kept: Delivery, wanted: _Wanted, found: Request) -> Requested:
        """Keep that a request was merged or closed; the first time, that decides on its advice."""
        state: Literal["merged", "closed"] = "merged" if found.state == "merged" else "closed"
        why = f"{state}: {found.url}"
        if state == "closed":
            why = "; ".join(filter(None, [why, self._last_words(found.number)]))
        with database.session(self._engine) as session:
            if kept.state != state:
                _decide(OptimizationRepository(session), wanted.advice, state, why)
            rows = DeliveryRepository(session)
            rows.ended(kept.id, state, found.ended_at, found.number, found.url)
        self._tell("ended")
        return _told(wanted, state, found.url, "" if state == "merged" else why)

    def _last_words(self, number: int) -> str:
        """Return the last that people said on a request: most likely why it was closed."""
        said = [each for each in self._forge.comments(number) if "<!-- agentdb:" not in each.body]
        return f"{said[-1].author}: {first_line(said[-1].body, _LONGEST_REASON)}" if said else ""

    # What came of it -------------------------------------------------------------------------

    def _say(self, request: Delivery, advice: Optimization, word: str) -> Iterator[Requested]:
        """Comment on a request once what its advice has come to."""
        wanted = _Wanted(outcome_of(request.topic, word), advice)
        kept = self._find(wanted)
        if kept is None or kept.state == "intended" or kept.number != request.number:
            yield self._comment(request, wanted, word)

    def _comment(self, request: Delivery, wanted: _Wanted, word: str) -> Requested:
        kept, mark = self._intend(wanted), outcome_mark(request.topic, word)
        number, url = request.number or 0, request.url or ""
        try:
            said = any(mark in each.body for each in self._forge.comments(number))
            self._tell("looked")
            if not said:
                self._forge.comment(number, outcome(request.topic, wanted.advice, word))
        except DeliveryError as error:
            return self._failed(kept, wanted, "failed", str(error))
        self._tell("commented")
        with database.session(self._engine) as session:
            DeliveryRepository(session).sent(kept.id, digest(mark), number=number, url=url)
        self._tell("kept")
        return _told(wanted, "commented", url)

    # The record ------------------------------------------------------------------------------

    def _intend(self, wanted: _Wanted) -> Delivery:
        intent = Intent(
            target=wanted.advice.target,
            topic=wanted.topic,
            channel=self._forge.name,
            place=self._forge.place,
            optimization_ids=(wanted.advice.id,),
        )
        with database.session(self._engine) as session:
            kept = DeliveryRepository(session).intend(intent)
        self._tell("intended")
        return kept

    def _keep_sent(
        self,
        kept: Delivery,
        wanted: _Wanted,
        request: Request,
        action: Action,
        reason: str = "",
    ) -> Requested:
        with database.session(self._engine) as session:
            DeliveryRepository(session).sent(
                kept.id, digest(request.body), number=request.number, url=request.url
            )
        self._tell("kept")
        return _told(wanted, action, request.url, reason)

    def _failed(self, kept: Delivery, wanted: _Wanted, action: Action, reason: str) -> Requested:
        with database.session(self._engine) as session:
            DeliveryRepository(session).failed(kept.id, reason)
        return _told(wanted, action, kept.url, reason)

    def _requests(self, state: DeliveryState) -> Sequence[Delivery]:
        """Return the requests to this project that are in a state; comments are none."""
        with database.session(self._engine) as session:
            rows = DeliveryRepository(session).list(channel=self._forge.name, state=state)
        return [r for r in rows if r.place == self._forge.place and is_request(r.topic)]

    def _find(self, wanted: _Wanted) -> Delivery | None:
        with database.session(self._engine) as session:
            rows = DeliveryRepository(session)
            return rows.find(wanted.advice.target, wanted.topic, self._forge.name)

    def _ways_back(self, advice: Optimization) -> Sequence[Optimization]:
        """Return what is open to take a piece of advice back."""
        with database.session(self._engine) as session:
            pending = OptimizationRepository(session).pending(advice.target)
        return [each for each in pending if each.reverts == advice.id]

    def _taken_back(self, advice: Optimization) -> TakenBack | None:
        """Return what a piece of advice takes back, and where that was merged."""
        if advice.reverts is None:
            return None
        with database.session(self._engine) as session:
            first = OptimizationRepository(session).get(advice.reverts)
        sent = self._find(_Wanted(topic_of(first), first))
        return TakenBack(first, sent.url if sent else None)

    def _advice(self, kept: Delivery) -> Optimization:
        """Return what a request is about, as it stands now: the newest of the same advice."""
        with database.session(self._engine) as session:
            return OptimizationRepository(session).get(kept.optimization_ids[-1])

    @cached_property
    def _repository(self) -> Repository:
        return self._door.checkout()


def unfit(advice: Optimization, least: float) -> str | None:
    """Return why advice is not to go out; None if it is.

    The way back from what was measured on the target asks for no confidence.
    """
    if advice.status not in _OPEN:
        return f"it is {advice.status} already"
    if advice.confidence < least and advice.reverts is None:
        sure, wanted = percent(advice.confidence), percent(least)
        return f"it is sure by {sure}, and AGENTDB_DELIVER_CONFIDENCE asks for {wanted}"
    return None


def _is_past(request: Request, advice: Optimization) -> bool:
    """Tell whether a request was merged for the same advice, given earlier.

    What it brought is gone again, or it would not be advised anew.
    """
    return (
        request.state == "merged"
        and request.ended_at is not None
        and request.ended_at < advice.created_at
        and str(advice.id) not in request.body
    )


def _decide(
    record: OptimizationRepository, advice: Optimization, state: DeliveryState, why: str
) -> None:
    """Let what people did with a request decide on its advice, where that is still open to it."""
    decision: Status = "accepted" if state == "merged" else "rejected"
    status = record.get(advice.id).status
    if status in (*_OPEN, "superseded") and status != decision:
        # The same may have been advised anew meanwhile: then that one is what counts.
        with suppress(StatusRefused):
            record.decide(advice.id, decision, why, by="delivery")


def _changed(push: Push) -> Action:
    return "updated" if push == "pushed" else "unchanged"


def _told(wanted: _Wanted, action: Action, url: str | None = None, reason: str = "") -> Requested:
    return Requested(wanted.advice.id, wanted.advice.title, action, url, reason)


_PUSHES: dict[Push, str] = {
    "pushed": "",
    "unchanged": "",
    "contained": "the base has its migration already",
    "theirs": "its branch has commits of others, and is left as it is",
}

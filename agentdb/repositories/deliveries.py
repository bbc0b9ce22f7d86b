"""What went out and what became of it: a row before anything is sent, so that it is sent once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agentdb.errors import NotFound
from agentdb.models.delivery import Channel, DeliveryRow, DeliveryState

_FRESH = {"populate_existing": True}  # what the session has seen before may be out of date


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to go out: to whom about what; there is one delivery for the first three."""

    target: str
    topic: str
    channel: Channel
    place: str
    optimization_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Intent):
    """What is meant to go out or has gone out, as it is kept."""

    id: int
    state: DeliveryState
    digest: str | None  # of what was sent last
    number: int | None  # of the pull request
    url: str | None
    attempts: int
    error: str | None
    created_at: datetime
    sent_at: datetime | None
    updated_at: datetime | None
    ended_at: datetime | None


class DeliveryRepository:
    """The record of deliveries, in the caller's session: never committed here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def intend(self, intent: Intent) -> Delivery:
        """Keep that something is to go out and return it as it is kept; commit before sending.

        What was meant or sent before under the same key keeps its place and state; one more
        attempt is counted. What has only ever failed to go out takes the new place.
        """
        values = {field.name: getattr(intent, field.name) for field in fields(Intent)}
        new = insert(DeliveryRow).values(values | {"optimization_ids": []})
        self._session.execute(new.on_conflict_do_nothing())
        key = {name: values[name] for name in ("target", "topic", "channel")}
        wanted = select(DeliveryRow).filter_by(**key).with_for_update()
        row = self._session.scalars(wanted, execution_options=_FRESH).one()
        row.attempts += 1
        if row.state == "intended" and row.error is not None:
            row.place = intent.place
        row.optimization_ids = [*dict.fromkeys([*row.optimization_ids, *intent.optimization_ids])]
        self._session.flush()
        return _delivery(row)

    def find(self, target: str, topic: str, channel: Channel) -> Delivery | None:
        """Return what was meant or sent under a key."""
        row = self._session.scalars(
            select(DeliveryRow).filter_by(target=target, topic=topic, channel=channel),
            execution_options=_FRESH,
        ).one_or_none()
        return None if row is None else _delivery(row)

    def sent(
        self, delivery_id: int, digest: str, *, number: int | None = None, url: str | None = None
    ) -> Delivery:
        """Keep that it is out there, and what was said; one that had ended is open again."""
        now = func.clock_timestamp()
        return self._set(
            delivery_id,
            state="sent",
            digest=digest,
            number=number,
            url=url,
            sent_at=func.coalesce(DeliveryRow.sent_at, now),
            updated_at=now,
            ended_at=None,
            error=None,
        )

    def ended(
        self, delivery_id: int, state: DeliveryState, at: datetime | None, number: int, url: str
    ) -> Delivery:
        """Keep that a pull request was merged or closed, and when."""
        ended = func.clock_timestamp() if at is None else at
        return self._set(
            delivery_id,
            state=state,
            number=number,
            url=url,
            sent_at=func.coalesce(DeliveryRow.sent_at, ended),
            ended_at=ended,
            error=None,
        )

    def failed(self, delivery_id: int, error: str) -> Delivery:
        """Keep why the last attempt went wrong."""
        return self._set(delivery_id, error=error)

    def move(self, channel: Channel, old: str, new: str) -> None:
        """Keep that a project has another address: all that went there is there now."""
        there = DeliveryRow.channel == channel, DeliveryRow.place == old
        self._session.execute(update(DeliveryRow).where(*there).values(place=new))

    def list(
        self,
        *,
        target: str | None = None,
        channel: Channel | None = None,
        state: DeliveryState | None = None,
        since: datetime | None = None,
    ) -> tuple[Delivery, ...]:
        """Return deliveries, the oldest first; `since` leaves out what nothing happened to."""
        wanted = {"target": target, "channel": channel, "state": state}
        given = {name: value for name, value in wanted.items() if value is not None}
        found = select(DeliveryRow).filter_by(**given).order_by(DeliveryRow.id)
        if since is not None:
            last = func.greatest(
                DeliveryRow.created_at, DeliveryRow.updated_at, DeliveryRow.ended_at
            )
            found = found.where(last >= since)
        return tuple(map(_delivery, self._session.scalars(found, execution_options=_FRESH)))

    def _set(self, delivery_id: int, **values: object) -> Delivery:
        changed = update(DeliveryRow).where(DeliveryRow.id == delivery_id).values(values)
        rows: Sequence[DeliveryRow] = self._session.scalars(
            changed.returning(DeliveryRow), execution_options=_FRESH
        ).all()
        if not rows:
            raise NotFound(f"no delivery has the number {delivery_id}: see `agentdb status`")
        return _delivery(rows[0])


def _delivery(row: DeliveryRow) -> Delivery:
    values = {field.name: getattr(row, field.name) for field in fields(Delivery)}
    return Delivery(**{**values, "optimization_ids": tuple(row.optimization_ids)})

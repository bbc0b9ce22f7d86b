"""The table of what went out: requests, comments, messages; each a row before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, Text, UniqueConstraint, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, one_of

Channel = Literal["github", "gitlab", "webhook"]
DeliveryState = Literal["intended", "sent", "merged", "closed"]


class DeliveryRow(Base):
    """One thing that goes out once: what, to whom, and what became of it there.

    Written and committed before it is sent. There is one for each target, topic and channel.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        one_of("channel", get_args(Channel)),
        one_of("state", get_args(DeliveryState)),
        CheckConstraint("(state = 'intended') = (sent_at IS NULL)", name="sent"),
        CheckConstraint("(state IN ('merged', 'closed')) = (ended_at IS NOT NULL)", name="ended"),
        UniqueConstraint("target", "topic", "channel"),
        Index("deliveries_waiting_idx", "target", postgresql_where=text("state = 'intended'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    target: Mapped[str]  # host/database, no secrets
    topic: Mapped[str]  # what it is about, as branches are named
    channel: Mapped[Channel] = mapped_column(Text)
    place: Mapped[str]  # github.com/OWNER/NAME, or the host of a webhook
    optimization_ids: Mapped[Sequence[UUID]] = mapped_column(ARRAY(Uuid))
    state: Mapped[DeliveryState] = mapped_column(Text, server_default="intended")
    digest: Mapped[str | None]  # of what was sent last
    number: Mapped[int | None]  # of the pull request
    url: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[str | None]  # of the last attempt
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    sent_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]  # when something was changed there last
    ended_at: Mapped[datetime | None]  # merged or closed

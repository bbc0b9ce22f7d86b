"""Attachments on an event loop: the same answers as without one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from agentdb.database import make_async_engine
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import AgentDBError
from agentdb.repositories.aio import AsyncAttachmentRepository
from agentdb.repositories.attachment import Attachment
from agentdb.repositories.attachments import AttachmentRepository, Followed
from tests.business import Shop, add_products, catch_up

EMBEDDER = HashingEmbedder()
MAY = datetime(2024, 5, 1, tzinfo=UTC)

Call = tuple[str, tuple[object, ...], dict[str, object]]

FIRST: Sequence[Call] = (
    ("attach", ("public.products", "name"), {"name": "products"}),
    ("attach", ("public.products", "name"), {"name": "products"}),  # refused
)
THEN: Sequence[Call] = (
    ("names", (), {}),
    ("get", ("products",), {}),
    ("get", ("nothing",), {}),  # refused
    ("status", (), {}),
    ("follow", ("products",), {}),
    ("search", ("products", "word3", 2), {"where": {"price": {"lt": 9}}, "columns": ["name"]}),
    ("search", ("products", "word3", 2), {"where": {"prize": 9}}),  # refused
    ("detach", ("products",), {}),
)


def outcome(answer: object) -> object:
    """What an answer says, without the moment and the number that one database has for it."""
    if isinstance(answer, Attachment):
        return replace(answer, created_at=MAY, id=1)
    return replace(answer, id=1) if isinstance(answer, Followed) else answer


def synchronously(shop: Shop, calls: Sequence[Call]) -> list[object]:
    got: list[object] = []
    with Session(shop.engine) as session:
        repository = AttachmentRepository(session, EMBEDDER)
        for method, given, named in calls:
            try:
                got.append(outcome(getattr(repository, method)(*given, **named)))
            except AgentDBError as error:
                got.append((type(error), str(error)))
        session.commit()
    return got


async def asynchronously(shop: Shop, calls: Sequence[Call]) -> list[object]:
    got: list[object] = []
    engine = make_async_engine(shop.url)
    async with AsyncSession(engine) as session:
        repository = AsyncAttachmentRepository(session, EMBEDDER)
        for method, given, named in calls:
            try:
                got.append(outcome(await getattr(repository, method)(*given, **named)))
            except AgentDBError as error:
                got.append((type(error), str(error)))
        await session.commit()
    await engine.dispose()
    return got


def test_every_method_answers_as_its_twin(shop: Shop) -> None:
    add_products(shop.url, 20)
    got: list[list[object]] = []
    for _ in range(2):
        done = synchronously(shop, FIRST) if not got else asyncio.run(asynchronously(shop, FIRST))
        catch_up(shop.engine)
        work = synchronously(shop, THEN) if not got else asyncio.run(asynchronously(shop, THEN))
        got.append([*done, *work])
    for call, one, other in zip((*FIRST, *THEN), *got, strict=True):
        assert one == other, call
    assert {method for method, _, _ in (*FIRST, *THEN)} == {
        name for name in vars(AttachmentRepository) if not name.startswith("_")
    }

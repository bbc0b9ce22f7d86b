"""Whose transaction a framework's calls run in: the caller's, or a short one for each call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from agentdb.errors import BadInput

Bind: TypeAlias = Engine | Session | AsyncEngine | AsyncSession
"""An engine: each call has a transaction of its own. A session: it takes part in the caller's."""

Answer = TypeVar("Answer")


def run(bind: Bind, work: Callable[[Session], Answer]) -> Answer:
    """Return what some work with a session gives; raise `BadInput` where it has to be awaited."""
    match bind:
        case Session():
            return work(bind)
        case Engine():
            with Session(bind, expire_on_commit=False) as session, session.begin():
                return work(session)
        case _:
            raise BadInput(
                f"with an {type(bind).__name__} call the methods that are awaited, or give an "
                "engine of make_engine(url)"
            )


async def arun(bind: Bind, work: Callable[[Session], Answer]) -> Answer:
    """Return the same without holding up the event loop."""
    match bind:
        case AsyncSession():
            return await bind.run_sync(work)
        case AsyncEngine():
            async with AsyncSession(bind, expire_on_commit=False) as session, session.begin():
                return await session.run_sync(work)
        case _:
            return await asyncio.to_thread(run, bind, work)

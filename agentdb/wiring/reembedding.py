"""`agentdb reembed`: from one embedding model to another while everybody goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import sleep

import numpy as np
from sqlalchemy import Engine

from agentdb import database
from agentdb.architect.progress import Progress
from agentdb.embedding.cached import CachedEmbedder
from agentdb.embedding.choose import load_embedder
from agentdb.embedding.embedder import Embedder, directions
from agentdb.errors import BadInput, SpaceUnready
from agentdb.repositories.spaces import Overlap, Space, SpaceRepository
from agentdb.repositories.vector_index import build_vector_index, vector_index_state
from agentdb.settings import Settings
from agentdb.wiring.memory import cache_of
from agentdb.wiring.storage import storage

AT_ONCE = 256
"""Entries that are embedded and kept together: what an interrupt may cost."""

SAMPLE = 200

_TRIES = 20
_WAIT_MILLISECONDS = 500  # less than after what the server looks for a deadlock
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Change:
    """From which model to which, how many vectors were new, how alike both find, what is so now.

    `overlap` is the share of the ten nearest of an entry that both models agree on, the mean over
    `sample` entries; None where there was nothing to compare. `switched` says whether the new one
    is searched now.
    """

    before: str | None
    now: str
    embedded: int
    overlap: float | None
    sample: int
    switched: bool


def reembed(settings: Settings, model: str, *, sample: int, switch: bool, tell: Progress) -> Change:
    """Change over to another model, or go on where that was interrupted.

    Raises `SpaceUnready`, `ModelUnavailable`, and what `storage` does.
    """
    with storage(settings) as engine:
        embedder = CachedEmbedder(load_embedder(model), cache_of(engine))
        return Reembedding(engine, embedder, tell).run(sample=sample, switch=switch)


def roll_back(settings: Settings, tell: Progress) -> Change:
    """Go back to the model of before; what was written since is embedded with it first."""
    with storage(settings) as engine:
        before = _space(engine, SpaceRepository.previous)
        if before is None:
            raise SpaceUnready("there are no vectors of a model of before to go back to")
        embedder = CachedEmbedder(load_embedder(before.model), cache_of(engine))
        return Reembedding(engine, embedder, tell).run(sample=0, switch=True)


def drop_others(settings: Settings) -> tuple[str, ...]:
    """Forget the vectors of all models but the current one; return their names."""
    with storage(settings) as engine, database.session(engine) as session:
        spaces = SpaceRepository(session)
        others = [space for space in spaces.all() if not space.is_current]
        for space in others:
            spaces.drop(space)
        return tuple(space.name for space in others)


@dataclass(frozen=True, slots=True)
class Reembedding:
    """Changes over to the model of an embedder; each step is a transaction of its own."""

    engine: Engine
    embedder: Embedder
    tell: Progress
    at_once: int = AT_ONCE

    def run(self, *, sample: int, switch: bool) -> Change:
        """Fill in what is missing, compare, and let the new vectors take over."""
        before = _space(self.engine, SpaceRepository.current)
        space = self._opened()
        embedded = self.fill(space)
        self._index(space)
        overlap = self._compared(space, sample)
        switched = switch and self._switched(space)
        return Change(
            before.name if before else None,
            space.name,
            embedded,
            overlap.share if overlap else None,
            overlap.sample if overlap else 0,
            switched,
        )

    def fill(self, space: Space) -> int:
        """Embed what has no vector in a space; return how many there were.

        Until nothing is left or, where others write meanwhile, no more than is embedded at once;
        also where they write faster than this, as it would never end.
        """
        total = left = self._missing(space)
        done = 0
        while left:
            now = self._pass(space, partial(self._told, total, done))
            done += now
            before, left = left, self._missing(space)
            if not now:
                sleep(_PAUSE_SECONDS)  # somebody holds them at this moment
            elif left < self.at_once or left >= before:
                break
        self._told(total, total, 0)
        return done

    def _pass(self, space: Space, told: Callable[[int], None]) -> int:
        """Embed, from the first entry to the last there is now, what has no vector."""
        after = done = 0
        with database.session(self.engine) as session:
            last = SpaceRepository(session).last_entry()
        while True:
            with database.session(self.engine) as session:
                wanted = SpaceRepository(session).unembedded(space, after, self.at_once)
            if not wanted or wanted[0].id > last:
                return done
            vectors = self._vectors([each.text for each in wanted])
            with database.session(self.engine) as session:
                done += SpaceRepository(session).fill(space, wanted, vectors)
            after = wanted[-1].id
            told(done)

    def _vectors(self, texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        vectors = directions(list(self.embedder.embed(texts)))
        if vectors is None:
            raise BadInput(f"the model {self.embedder.name} gave a vector without a direction")
        return np.array(vectors)

    def _opened(self) -> Space:
        with database.session(self.engine) as session:
            spaces = SpaceRepository(session)
            current, filling = spaces.current(), spaces.filling()
            if current is not None and current.is_of(self.embedder):
                raise SpaceUnready(f"the vectors kept are of {self.embedder.name} already")
            if filling is not None and not filling.is_of(self.embedder):
                raise SpaceUnready(
                    f"a change to {filling.name} has begun: finish it, or give it up with "
                    "agentdb reembed --drop-old"
                )
            return spaces.open(self.embedder)

    def _index(self, space: Space) -> None:
        """Give the new vectors an index if those of now have one."""
        with self.engine.connect() as connection:
            is_indexed = vector_index_state(connection) == "valid"
        if is_indexed:
            self.tell("building the index", 0, 0)
            build_vector_index(self.engine, least=0, of=space.column)

    def _compared(self, space: Space, sample: int) -> Overlap | None:
        if not sample:
            return None
        self.tell("comparing", 0, 0)
        with database.session(self.engine) as session:
            return SpaceRepository(session).overlap(space, sample)

    def _switched(self, space: Space) -> bool:
        for _ in range(_TRIES):
            with database.session(self.engine) as session:
                if self._taken_over(SpaceRepository(session), space):
                    return True
            self.fill(space)
            sleep(_PAUSE_SECONDS)
        raise SpaceUnready(
            "the table was never free for a moment: run it again when fewer write, or when a long "
            "transaction has ended; what was embedded is kept"
        )

    def _taken_over(self, spaces: SpaceRepository, space: Space) -> bool:
        """Embed the last few while nobody writes, and switch: in one transaction."""
        if not spaces.hold(wait_milliseconds=_WAIT_MILLISECONDS):
            return False
        rest = spaces.unembedded(space, 0, self.at_once)
        if len(rest) == self.at_once:
            return False
        if rest:
            spaces.fill(space, rest, self._vectors([each.text for each in rest]))
        return spaces.switch(space)

    def _missing(self, space: Space) -> int:
        with database.session(self.engine) as session:
            return SpaceRepository(session).missing(space)

    def _told(self, total: int, before: int, now: int) -> None:
        self.tell("embedding", min(before + now, total), total)


def _space(engine: Engine, which: Callable[[SpaceRepository], Space | None]) -> Space | None:
    with database.session(engine) as session:
        return which(SpaceRepository(session))

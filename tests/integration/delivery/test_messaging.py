"""A digest is sent once; one whose sender was cut off is sent again under the same key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from agentdb import database
from agentdb.database import make_engine
from agentdb.delivery.digest import WEEK, digest_topic
from agentdb.delivery.topics import topic_of
from agentdb.errors import ForgeRefused
from agentdb.repositories.deliveries import DeliveryRepository, Intent
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import read_settings
from agentdb.wiring.messaging import send_digest
from agentdb.wiring.status import read_status
from tests.hooks import SECRET, Hook, listening
from tests.integration.delivery.delivering import deliveries, keep
from tests.unit.delivery.test_digest import DIGEST


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as hook:
        yield hook


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


class CutOffError(Exception):
    """Stands for a process that ends here."""


def cut_off(step: str) -> None:
    if step == "sent":
        raise CutOffError


def test_a_digest_is_sent_once_and_one_cut_off_again_under_the_same_key(
    engine: Engine, database_url: str, hook: Hook
) -> None:
    settings = read_settings(database_url=database_url, webhook_url=hook.url)
    with pytest.raises(CutOffError):
        send_digest(settings, DIGEST, cut_off)
    assert deliveries(engine)[0].state == "intended"
    states = [kept and kept.state for kept in (send_digest(settings, DIGEST) for _ in range(2))]
    assert states == ["sent", "sent"]
    assert len(hook.keys) == 2
    assert len(set(hook.keys)) == 1
    assert SECRET not in repr(deliveries(engine))


def test_a_digest_that_is_refused_is_kept_with_the_reason(
    engine: Engine, database_url: str, hook: Hook
) -> None:
    hook.answers.append((404, {}))
    with pytest.raises(ForgeRefused):
        send_digest(read_settings(database_url=database_url, webhook_url=hook.url), DIGEST)
    (kept,) = deliveries(engine)
    assert (kept.state, kept.sent_at) == ("intended", None)
    assert "refuses the message (404)" in str(kept.error)


def test_only_what_may_go_out_still_is_waiting(
    engine: Engine, database_url: str, hook: Hook
) -> None:
    target = f"postgresql://{DIGEST.target}"
    settings = read_settings(database_url=database_url, target_url=target, webhook_url=hook.url)
    digests = [replace(DIGEST, end=DIGEST.end + week * WEEK) for week in range(3)]
    hook.answers += [(404, {})] * 2
    for digest in digests[:2]:
        with pytest.raises(ForgeRefused):
            send_digest(settings, digest)
    kept = keep(engine)
    with database.session(engine) as session:
        DeliveryRepository(session).intend(
            Intent(
                target=kept.target,
                topic=topic_of(kept),
                channel="github",
                place="github.com/shop/orders",
                optimization_ids=(kept.id,),
            )
        )
    waiting = [each.topic for each in read_status(settings).waiting]
    assert waiting == [digest_topic(digests[1]), topic_of(kept)]
    with database.session(engine) as session:
        OptimizationRepository(session).decide(kept.id, "rejected", "no")
    send_digest(settings, digests[2])
    assert read_status(settings).waiting == ()


def test_without_a_webhook_nothing_is_sent(database_url: str) -> None:
    assert send_digest(read_settings(database_url=database_url), DIGEST) is None

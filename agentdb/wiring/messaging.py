"""The weekly digest as a message to AGENTDB_WEBHOOK_URL, once."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from agentdb import database
from agentdb.delivery.digest import Digest, digest_message, digest_topic
from agentdb.delivery.webhook import host_of, send_message
from agentdb.errors import DeliveryError
from agentdb.repositories.deliveries import Delivery, DeliveryRepository, Intent
from agentdb.settings import Settings
from agentdb.wiring.storage import storage


def send_digest(
    settings: Settings, digest: Digest, tell: Callable[[str], None] = lambda _: None
) -> Delivery | None:
    """Send a digest unless it has been sent; return it as it is kept, None without a webhook.

    A webhook cannot be asked what has arrived. Whoever is killed between sending and keeping
    that, or gets no answer, sends the same message again, under the same Idempotency-Key.
    Raises ForgeUnreachable and ForgeRefused, which are kept, too.
    """
    url = settings.webhook_url
    if url is None:
        return None
    topic = digest_topic(digest)
    intent = Intent(target=digest.target, topic=topic, channel="webhook", place=host_of(url))
    with storage(settings) as engine:
        with database.session(engine) as session:
            kept = DeliveryRepository(session).intend(intent)
        tell("intended")
        if kept.state == "sent":
            return kept
        text = digest_message(digest)
        try:
            send_message(url, text, f"agentdb-{kept.id}-{topic}")
        except DeliveryError as error:
            with database.session(engine) as session:
                DeliveryRepository(session).failed(kept.id, str(error))
            raise
        tell("sent")
        with database.session(engine) as session:
            return DeliveryRepository(session).sent(kept.id, sha256(text.encode()).hexdigest())

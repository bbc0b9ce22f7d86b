"""A webhook on the loopback interface."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

SECRET = "T0/B0/verysecret"  # noqa: S105 - nobody's


@dataclass
class Hook:
    """What the server answers in turn (then 200), and what it was sent: path, text, key."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    watcher: Callable[[], None] | None = None  # is called once, when something has arrived
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return [key for _, _, key in self.sent]


@contextmanager
def listening() -> Iterator[Hook]:
    """Run a webhook whose URL holds the secret."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
            hook.sent.append((self.path, text, self.headers["Idempotency-Key"]))
            watcher, hook.watcher = hook.watcher, None
            if watcher:
                watcher()
            status, headers = hook.answers.pop(0) if hook.answers else (200, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()

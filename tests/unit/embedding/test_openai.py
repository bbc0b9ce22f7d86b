"""A model behind HTTP: a server on the loopback interface stands for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TypeAlias

import numpy as np
import pytest

from agentdb.embedding.openai import OpenAIEmbedder
from agentdb.errors import DimensionMismatch, EmbeddingError, ModelUnavailable

KEY = "sk-very-secret"

Asked: TypeAlias = dict[str, list[str] | str | int]
Answer: TypeAlias = tuple[int, str]


@dataclass
class Service:
    """What the server answers, and what it was asked."""

    url: str = ""
    answer: Callable[[Asked], Answer] = lambda _: (500, "")
    location: str = ""
    asked: list[Asked] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    def embedder(self, key: str = KEY) -> OpenAIEmbedder:
        return OpenAIEmbedder("small", self.url, key)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.asked.append(asked)
            service.keys.append(self.headers["Authorization"])
            self.reply(*service.answer(asked))

        def do_GET(self) -> None:
            service.keys.append(self.headers["Authorization"])
            self.reply(200, "{}")

        def reply(self, status: int, text: str) -> None:
            self.send_response(status)
            if service.location:
                self.send_header("Location", service.location)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}/v1/"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield service
        server.shutdown()
        thread.join()


def texts_of(asked: Asked) -> list[str]:
    texts = asked["input"]
    assert isinstance(texts, list)
    return texts


def vectors(asked: Asked, dimension: int = 384) -> Answer:
    """Answer each text with its length at its own place, the last text first."""
    rows = [
        {"index": place, "embedding": np.eye(dimension)[len(text) % dimension].tolist()}
        for place, text in enumerate(texts_of(asked))
    ]
    return 200, json.dumps({"data": rows[::-1]})


def test_each_text_gets_its_vector_in_their_order(service: Service) -> None:
    service.answer = vectors
    found = service.embedder().embed(["abc", "a", ""])
    assert (found.shape, found.dtype.name) == ((3, 384), "float32")
    assert found.argmax(axis=1).tolist() == [3, 1, 1]  # the empty text travels as a space
    assert service.asked == [{"model": "small", "input": ["abc", "a", " "], "dimensions": 384}]
    assert service.keys == [f"Bearer {KEY}"]


def test_many_texts_travel_in_several_requests(service: Service) -> None:
    service.answer = vectors
    found = service.embedder().embed(["a" * (place % 384) for place in range(1, 601)])
    assert found.shape == (600, 384)
    assert found[383].argmax() == 1
    assert found[599].argmax() == 600 % 384
    assert [len(texts_of(asked)) for asked in service.asked] == [256, 256, 88]


def test_no_texts_ask_for_nothing(service: Service) -> None:
    assert service.embedder().embed([]).shape == (0, 384)
    assert service.asked == []


def test_a_server_of_ones_own_gets_no_key(service: Service) -> None:
    service.answer = vectors
    service.embedder(key="").embed(["a"])
    assert service.keys == [None]


def test_a_vector_of_another_length_is_brought_to_one(service: Service) -> None:
    service.answer = lambda _: (200, json.dumps({"data": [{"index": 0, "embedding": [2] * 384}]}))
    assert np.linalg.norm(service.embedder().embed(["a"])[0]) == pytest.approx(1, abs=1e-6)


def test_a_model_that_may_not_be_asked_for_a_dimension_is_asked_without(service: Service) -> None:
    service.answer = lambda asked: (
        (400, "no dimensions") if "dimensions" in asked else vectors(asked)
    )
    assert service.embedder().embed(["abc"]).argmax() == 3


def test_another_dimension_is_an_error_with_a_next_step(service: Service) -> None:
    service.answer = lambda asked: vectors(asked, 1536)
    with pytest.raises(
        DimensionMismatch, match=r"openai:small gives 1536 .* hold 384: set AGENTDB_"
    ):
        service.embedder().embed(["a"])


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (401, ModelUnavailable, "refuses the key: check OPENAI_API_KEY"),
        (404, ModelUnavailable, "does not know the model small: check AGENTDB_EMBEDDING_MODEL"),
        (400, EmbeddingError, "refuses the texts: too long"),
        (429, EmbeddingError, "answers 429 Too Many Requests: try again later"),
        (529, EmbeddingError, "answers 529 .*: try again later"),
    ],
)
def test_a_refusal_says_what_to_do(
    service: Service, status: int, error: type[EmbeddingError], says: str
) -> None:
    service.answer = lambda _: (status, "too\nlong")
    with pytest.raises(error, match=f"127.0.0.1:[0-9]+ {says}"):
        service.embedder().embed(["a"])


@pytest.mark.parametrize(
    "text", ["{}", '{"data": 1}', '{"data": [{"index": 0}]}', '{"data": []}', "[]", "null"]
)
def test_an_answer_without_the_vectors_says_where_to_look(service: Service, text: str) -> None:
    service.answer = lambda _: (200, text)
    with pytest.raises(EmbeddingError, match="not with 1 vectors: check OPENAI_BASE_URL"):
        service.embedder().embed(["a"])


def test_an_answer_that_is_not_json_says_where_to_look(service: Service) -> None:
    service.answer = lambda _: (200, "<html>")
    with pytest.raises(ModelUnavailable, match=r"no answer to use .* check OPENAI_BASE_URL"):
        service.embedder().embed(["a"])


def test_a_server_that_is_not_there_says_where_to_look() -> None:
    with pytest.raises(
        ModelUnavailable, match=r"127\.0\.0\.1:1 gives no answer .* OPENAI_BASE_URL"
    ):
        OpenAIEmbedder("small", "http://127.0.0.1:1/v1", KEY).embed(["a"])


def test_the_key_is_shown_nowhere_even_if_the_server_repeats_it(service: Service) -> None:
    service.answer = lambda _: (400, f"wrong key {KEY} given")
    embedder = service.embedder()
    with pytest.raises(EmbeddingError, match="wrong key … given") as refused:
        embedder.embed(["a"])
    assert KEY not in repr(embedder) + repr(refused.value)
    assert refused.value.__cause__ is None


def test_the_key_does_not_follow_a_redirect(service: Service) -> None:
    service.answer = lambda _: (302, "")
    service.location = "/elsewhere"
    with pytest.raises(EmbeddingError):
        service.embedder().embed(["a"])
    assert service.keys == [f"Bearer {KEY}", None]

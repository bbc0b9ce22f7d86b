"""A model behind an HTTP interface like OpenAI's: OpenAI itself, vLLM, Ollama and others.

The texts leave this machine. The key is sent to the base URL alone, and shown nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import numpy as np

from agentdb.embedding.embedder import DIMENSION, MOST_NUMBERS, Vectors, fitting, unit
from agentdb.errors import BadSetting, EmbeddingError, ModelUnavailable

_DEFAULT_URL = "https://api.openai.com/v1"
_BATCH_TEXTS = 256
_TIMEOUT_SECONDS = 60
_SHOWN = 200  # characters of what the server said
_READ = 65536  # bytes of it: enough that a key in what is shown is there in full


@dataclass(frozen=True, slots=True)
class OpenAIEmbedder:
    """The model `model` at `base_url`; a server of one's own may need no key."""

    model: str
    base_url: str = _DEFAULT_URL
    key: str = field(default="", repr=False)
    dimension: int = DIMENSION

    @property
    def name(self) -> str:
        """The model's name, marked as one that answers from elsewhere."""
        asked = "" if self.dimension == DIMENSION else f"@{self.dimension}"
        return f"openai:{self.model}{asked}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text; raises DimensionMismatch for another dimension."""
        starts = range(0, len(texts), _BATCH_TEXTS)
        parts = [self._batch(texts[start : start + _BATCH_TEXTS]) for start in starts]
        return np.concatenate([np.empty((0, self.dimension), np.float32), *parts])

    def _batch(self, texts: Sequence[str]) -> Vectors:
        # An empty text is refused there; a space says as little.
        asked = {"model": self.model, "input": [text or " " for text in texts]}
        try:
            answer = self._post(asked | {"dimensions": self.dimension})
        except _Refused:  # many models have one dimension and refuse to be asked for any
            answer = self._post(asked)
        return fitting(unit(_vectors(answer, len(texts), self.host)), self.name, self.dimension)

    @property
    def host(self) -> str:
        """The host and port asked."""
        return urlsplit(self.base_url).netloc

    def _post(self, asked: Mapping[str, object]) -> object:
        request = Request(  # noqa: S310 - make_openai_embedder admits http and https only
            f"{self.base_url.rstrip('/')}/embeddings",
            data=json.dumps(asked).encode(),
            headers={"Content-Type": "application/json"},
        )
        if self.key:  # not sent on to where a redirect points
            request.add_unredirected_header("Authorization", f"Bearer {self.key}")
        try:
            with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
                return json.load(response)
        except HTTPError as error:
            with error:
                raise self._explained(error) from None  # its text may repeat the key
        except (OSError, HTTPException, ValueError) as error:
            raise ModelUnavailable(
                f"{self.host} gives no answer to use ({getattr(error, 'reason', error)}): "
                "check OPENAI_BASE_URL."
            ) from error

    def _explained(self, error: HTTPError) -> EmbeddingError:
        if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return ModelUnavailable(f"{self.host} refuses the key: check OPENAI_API_KEY.")
        if error.code == HTTPStatus.NOT_FOUND:
            return ModelUnavailable(
                f"{self.host} does not know the model {self.model}: "
                "check AGENTDB_EMBEDDING_MODEL and OPENAI_BASE_URL."
            )
        if error.code in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            return _Refused(f"{self.host} refuses the texts: {self._said(error)}")
        return EmbeddingError(f"{self.host} answers {error.code} {error.reason}: try again later.")

    def _said(self, error: HTTPError) -> str:
        said = error.read(_READ).decode(errors="replace")
        return " ".join(said.replace(self.key or "\0", "…").split())[:_SHOWN]


class _Refused(EmbeddingError):
    """The server does not take the request as it is."""


def make_openai_embedder(model: str, environment: Mapping[str, str]) -> OpenAIEmbedder:
    """Return the embedder for `openai:MODEL`, from OPENAI_BASE_URL and OPENAI_API_KEY.

    `openai:MODEL@1024` asks for another dimension than the usual one.
    """
    model, _, numbers = model.partition("@")
    base_url = environment.get("OPENAI_BASE_URL", "").strip() or _DEFAULT_URL
    key = environment.get("OPENAI_API_KEY", "").strip()
    if not model:
        raise BadSetting("AGENTDB_EMBEDDING_MODEL=openai: lacks a model: write openai:NAME.")
    if not re.match(r"https?://[^@/]+(/|$)", base_url):
        raise BadSetting("OPENAI_BASE_URL is no plain URL: write it as https://HOST/v1.")
    if not key and base_url == _DEFAULT_URL:
        raise ModelUnavailable(f"The model openai:{model} needs a key: set OPENAI_API_KEY.")
    if not (key.isascii() and key.isprintable()):
        raise BadSetting("OPENAI_API_KEY holds characters that no key has: set it anew.")
    return OpenAIEmbedder(model, base_url, key, _dimension(numbers))


def _dimension(numbers: str) -> int:
    if not numbers:
        return DIMENSION
    if not (numbers.isascii() and numbers.isdecimal() and 1 < int(numbers) <= MOST_NUMBERS):
        raise BadSetting(f"openai:NAME@{numbers} is no dimension: give 2 to {MOST_NUMBERS:,}.")
    return int(numbers)


def _vectors(answer: object, count: int, host: str) -> Vectors:
    try:
        rows = sorted(answer["data"], key=lambda row: row["index"])  # type: ignore[index]
        vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
    except (KeyError, TypeError, ValueError):
        vectors = np.empty((0, 0), np.float32)
    if vectors.shape[:-1] != (count,):
        raise EmbeddingError(
            f"{host} answered, but not with {count} vectors: check OPENAI_BASE_URL."
        )
    return vectors

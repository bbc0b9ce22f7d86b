"""What reads question and answer together: it says more than two vectors do, and costs more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from agentdb.errors import EmbeddingError, ModelUnavailable


class Reranker(Protocol):
    """Says how well texts answer a question."""

    def scores(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return one number a text, in their order: the higher, the better it answers."""
        ...


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers: a name, or a folder with its weights.

    Needs `pip install 'agentdb[local]'`; its weights do not come along. Raises ModelUnavailable.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._encoder = _load(model)

    def scores(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return what the model says of each pair of question and text."""
        if not texts:
            return []
        try:
            said = self._encoder.predict([(query, text) for text in texts], show_progress_bar=False)
        except Exception as error:
            raise EmbeddingError(f"The model {self._model} could not compare: {error}") from error
        return [float(score) for score in said]


def _load(model: str) -> Any:  # noqa: ANN401 - a class of a library without types
    try:
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - takes seconds
    except ImportError as error:
        raise ModelUnavailable(
            "sentence-transformers is not installed: pip install 'agentdb[local]'"
        ) from error
    try:
        return CrossEncoder(model, device="cpu")
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ModelUnavailable(
            f"The model {model} cannot be loaded ({reason}): give the folder with its weights, "
            "or a name while the network is there."
        ) from error

"""A cross-encoder behind a protocol: what is missing is told in one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

import pytest

from agentdb.embedding.reranker import CrossEncoderReranker
from agentdb.errors import EmbeddingError, ModelUnavailable


class Encoder:
    """The library's class, as far as it is used."""

    def __init__(self, model: str, device: str) -> None:
        if model == "nowhere":
            raise OSError("no such model\nand much more")
        assert device == "cpu"

    def predict(self, pairs: Sequence[tuple[str, str]], *, show_progress_bar: bool) -> list[float]:
        assert not show_progress_bar
        if any("broken" in text for _, text in pairs):
            raise RuntimeError("out of memory")
        return [len(query) + len(text) for query, text in pairs]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("sentence_transformers")
    module.CrossEncoder = Encoder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)


@pytest.mark.usefixtures("library")
def test_it_scores_each_text_with_the_question() -> None:
    reranker = CrossEncoderReranker("any")
    assert reranker.scores("tea", ["a", "bcd"]) == [4, 6]
    assert reranker.scores("tea", []) == []
    with pytest.raises(EmbeddingError, match="any could not compare: out of memory"):
        reranker.scores("tea", ["broken"])


@pytest.mark.usefixtures("library")
def test_a_model_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(ModelUnavailable, match="nowhere cannot be loaded") as refused:
        CrossEncoderReranker("nowhere")
    assert "\n" not in str(refused.value)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'agentdb\[local\]'"):
        CrossEncoderReranker("any")

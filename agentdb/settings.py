"""`Settings`: read once from flags, `AGENTDB_*` and an optional `agentdb.toml`; flags win."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from agentdb.errors import BadSetting

FILE = "agentdb.toml"

CLASSIC: Mapping[str, object] = {"min_mean_ms": 500.0, "min_calls": 101, "share_of_time": 1.0}
"""The thresholds most guides give: a mean of 500 ms and more, over 100 calls."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_URL_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"


def checked_url(url: str) -> str:
    """Return a connection URL (or a `key=value` string) that libpq understands.

    SQLAlchemy's `postgresql+psycopg://` is understood, too. Raises ValueError, whose message
    never holds a part of the URL: it may be a part of the password.
    """
    plain = re.sub(r"^postgres(?:ql)?\+\w+://", "postgresql://", url.strip())
    try:
        parts = conninfo_to_dict(plain)
    except (psycopg.Error, ValueError):
        # not `from error`: libpq quotes what it could not read, password and all
        raise ValueError(f"not a URL that Postgres understands; write {_URL_FORM}") from None
    if not plain:
        raise ValueError(f"empty; write {_URL_FORM}")
    if any("@" in str(parts.get(name, "")) for name in ("host", "dbname")):
        raise ValueError("an @ or a / in a password must be written %40, %2F")
    _check_ports(str(parts.get("port", "")))
    return plain


def _check_ports(ports: str) -> None:
    for port in filter(None, ports.split(",")):
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
            raise ValueError(f"the port must be a number from 1 to 65535; write {_URL_FORM}")


def _split(names: object) -> object:
    if isinstance(names, str):
        return tuple(name.strip() for name in names.split(",") if name.strip())
    return names


Url = Annotated[str, AfterValidator(checked_url)]


def checked_web_url(url: str) -> str:
    """Return the URL of a web service; a secret goes over https, or to this machine.

    Raises ValueError, whose message never holds a part of the URL: it may be a secret.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("not a URL; write https://HOST/…") from None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise ValueError("not a plain URL; write https://HOST/…")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ValueError("secrets do not travel over http; write https://HOST/…")
    return url.strip().rstrip("/")


WebUrl = Annotated[str, AfterValidator(checked_web_url)]


class Settings(BaseSettings):
    """What agentdb was told, checked. Build it with `read_settings`.

    Sizes are in MiB, times in the unit that ends the name.
    """

    model_config = SettingsConfigDict(
        env_prefix="AGENTDB_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        toml_file=FILE,
        validate_default=False,
    )

    database_url: Url | None = Field(None, repr=False)  # None: the embedded server
    target_url: Url | None = Field(None, repr=False)  # None: the same database
    embedding_model: str = "all-MiniLM-L6-v2"
    data_dir: Path | None = None  # None: the platform's own folder for data

    preset: Literal["share_of_time", "classic"] = "share_of_time"
    min_mean_ms: float = Field(0.0, ge=0)
    min_calls: int = Field(1, ge=1)
    share_of_time: float = Field(0.99, gt=0, le=1)
    top: int = Field(200, ge=1)
    watch_seconds: float = Field(10.0, ge=0)

    trial: Literal["shadow", "live", "none"] = "shadow"
    trial_seconds: float = Field(240.0, gt=0)
    budget_mb: float | None = Field(None, gt=0)
    shadow_limit_mb: float = Field(256.0, gt=0)
    statement_timeout_ms: int = Field(10_000, ge=1)
    lock_timeout_ms: int = Field(200, ge=1)
    trusted_functions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()

    deliver_to: Literal["github", "gitlab"] | None = None  # None: no pull requests
    deliver_repository: str = Field(".", min_length=1, repr=False)  # may hold a password
    deliver_base: str | None = None  # None: the project's default branch
    deliver_confidence: float = Field(0.8, ge=0, le=1)
    forge_url: WebUrl | None = None  # None: as the repository's address has it
    webhook_url: WebUrl | None = Field(None, repr=False)  # whoever knows it may write there

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class passes it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the strongest first."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: dict[str, object]) -> dict[str, object]:
        return {**CLASSIC, **given} if given.get("preset") == "classic" else given


def read_settings(**flags: object) -> Settings:
    """Return the settings; a flag that is None was not given, a name is a field of `Settings`.

    Raises BadSetting with one line that names the setting and never shows a password.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise BadSetting("; ".join(map(_line, error.errors()))) from error
    except OSError as error:
        raise BadSetting(f"{FILE} cannot be read: {error.strerror}") from error


def _line(error: ErrorDetails) -> str:
    what = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return f"{FILE} cannot be read: {what}"
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return _unknown(name)
    return f"AGENTDB_{name.upper()} (`{name}` in {FILE}): {what[0].lower()}{what[1:]}"


def _unknown(name: str) -> str:
    near = get_close_matches(name, Settings.model_fields, n=1)
    return f"{FILE} holds {name}, which is no setting" + (f": write {near[0]}" if near else "")

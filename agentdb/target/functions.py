"""Which functions may run in a trial: not what their label promises, but who made them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

_RANDOM_AND_CLOCK = frozenset(
    {
        "array_sample",
        "array_shuffle",
        "clock_timestamp",
        "gen_random_uuid",
        "random",
        "random_normal",
        "timeofday",
        "uuidv4",
        "uuidv7",
    }
)
_LOOKING = frozenset(
    {
        "pg_database_size",
        "pg_indexes_size",
        "pg_is_in_recovery",
        "pg_relation_size",
        "pg_table_size",
        "pg_tablespace_size",
        "pg_total_relation_size",
    }
)
_SAMPLING = frozenset({"bernoulli", "system"})  # the handlers of TABLESAMPLE
_HARMLESS_VOLATILE = _RANDOM_AND_CLOCK | _LOOKING | _SAMPLING

# Built in, labelled STABLE or IMMUTABLE, and yet they do what a trial must not do.
_RUNS_SQL = "runs SQL that it gets as text"
_RUNS_CHECKS = "runs the checks of a type that it gets as text or number"
_TAKES_XID = "takes a transaction id"
_ACTING: Mapping[str, str] = {
    **dict.fromkeys(
        (
            f"{whole}_to_xml{part}"
            for whole in ("table", "schema", "database", "query", "cursor")
            for part in ("", "schema", "_and_xmlschema")
        ),
        _RUNS_SQL,
    ),
    **dict.fromkeys(("ts_stat", "ts_rewrite"), _RUNS_SQL),
    **dict.fromkeys(
        (
            "array_in",
            "domain_in",
            "multirange_in",
            "pg_input_error_info",
            "pg_input_is_valid",
            "range_in",
            "record_in",
        ),
        _RUNS_CHECKS,
    ),
    **dict.fromkeys(
        ("fmgr_c_validator", "fmgr_internal_validator", "fmgr_sql_validator", "plpgsql_validator"),
        "checks a function that it gets as a number",
    ),
    **dict.fromkeys(("txid_current", "pg_current_xact_id"), _TAKES_XID),
}
_ONLY_SOMETIMES = frozenset({"ts_rewrite"})  # its other form is a plain function

# What CREATE TYPE … AS RANGE makes beside the type.
_RANGE_CONSTRUCTORS = frozenset(
    {
        "multirange_constructor0",
        "multirange_constructor1",
        "multirange_constructor2",
        "range_constructor2",
        "range_constructor3",
    }
)

_TRUSTED_EXTENSIONS = frozenset(
    {
        "address_standardizer",
        "bloom",
        "btree_gin",
        "btree_gist",
        "citext",
        "cube",
        "fuzzystrmatch",
        "hstore",
        "intarray",
        "isn",
        "ltree",
        "pg_trgm",
        "pgcrypto",
        "postgis",
        "seg",
        "tsm_system_rows",
        "tsm_system_time",
        "unaccent",
        "uuid-ossp",
        "vector",
    }
)
_TRUSTED_LANGUAGES = frozenset({"internal", "c", "sql"})
_PGP = {f"pgp_{key}_encrypt{form}" for key in ("sym", "pub") for form in ("", "_bytea")}
_HARMLESS_VOLATILE_OF = {
    "pgcrypto": frozenset({"gen_random_bytes", "gen_random_uuid", "gen_salt"} | _PGP),
    "tsm_system_rows": frozenset({"system_rows"}),
    "tsm_system_time": frozenset({"system_time"}),
    "uuid-ossp": frozenset({"uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4"}),
}
_VOLATILITY = {"i": "IMMUTABLE", "s": "STABLE", "v": "VOLATILE"}


@dataclass(frozen=True, slots=True)
class Reached:
    """A function that a statement would run, or a foreign table that it would read."""

    kind: Literal["function", "foreign table"]
    schema: str
    name: str
    owner: str
    language: str = ""
    volatility: str = ""  # i, s or v, as in pg_proc
    security_definer: bool = False
    aggregate: bool = False
    source: str = ""  # of an internal function: the name of the C function
    built_in: bool = False
    extension: str | None = None

    @property
    def qualified_name(self) -> str:
        """`schema.name`, as the names in `trusted` are written."""
        return f"{self.schema}.{self.name}"


def objection(reached: Reached, trusted: Collection[str]) -> str | None:
    """Return why something must not be reached in a trial, or None.

    `trusted` holds names (`schema.function`) that the owner of the database vouches for.
    """
    if reached.kind == "foreign table":
        return f"reads the foreign table {reached.qualified_name}: another server would do the work"
    if reached.qualified_name in trusted:
        return None
    if reached.built_in:
        return _objection_to_built_in(reached)
    if reached.extension in _TRUSTED_EXTENSIONS:
        return _objection_to_extension(reached)
    return None if _is_made_of_others(reached) else f"calls {_described(reached)}"


def _objection_to_built_in(reached: Reached) -> str | None:
    is_volatile = reached.volatility == "v"
    if reached.name in _ACTING and (is_volatile or reached.name not in _ONLY_SOMETIMES):
        return f"calls {reached.name}(), which {_ACTING[reached.name]}"
    if is_volatile and reached.name not in _HARMLESS_VOLATILE:
        return f"calls {reached.name}(), which does more than return a value (it is VOLATILE)"
    return None


def _objection_to_extension(reached: Reached) -> str | None:
    harmless = _HARMLESS_VOLATILE_OF.get(reached.extension or "", frozenset())
    if reached.language in _TRUSTED_LANGUAGES and (
        reached.volatility != "v" or reached.name in harmless
    ):
        return None
    return f"calls {_described(reached)}"


def _is_made_of_others(reached: Reached) -> bool:
    """Tell an aggregate, whose steps are reached as well, and what only builds a range."""
    is_constructor = reached.language == "internal" and reached.source in _RANGE_CONSTRUCTORS
    return reached.aggregate or is_constructor


def _described(reached: Reached) -> str:
    origin = f"of the extension {reached.extension}" if reached.extension else f"of {reached.owner}"
    rights = ", with its owner's rights (SECURITY DEFINER)" if reached.security_definer else ""
    label = _VOLATILITY.get(reached.volatility, reached.volatility)
    return (
        f"{reached.qualified_name}(), a {reached.language} function {origin}{rights}, labelled "
        f"{label}: nobody has said that it is harmless"
    )

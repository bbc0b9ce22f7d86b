from __future__ import annotations

from dataclasses import replace

import pytest

from agentdb.target.functions import Reached, objection

BUILT_IN = Reached(
    "function", "pg_catalog", "f", "postgres", language="internal", volatility="i", built_in=True
)
OF_USER = Reached("function", "public", "f", "alice", language="plpgsql", volatility="i")
OF_EXTENSION = replace(OF_USER, language="c", extension="pg_trgm")


def of(function: Reached, *trusted: str) -> str:
    return objection(function, trusted) or "harmless"


@pytest.mark.parametrize("volatility", ["i", "s"])
def test_a_built_in_function_that_is_not_volatile_is_harmless(volatility: str) -> None:
    assert of(replace(BUILT_IN, name="lower", volatility=volatility)) == "harmless"


@pytest.mark.parametrize("name", ["random", "clock_timestamp", "gen_random_uuid", "uuidv7"])
def test_clocks_and_dice_are_harmless(name: str) -> None:
    assert of(replace(BUILT_IN, name=name, volatility="v")) == "harmless"


@pytest.mark.parametrize("name", ["pg_sleep", "nextval", "set_config", "from_a_later_version"])
def test_any_other_volatile_one_is_not(name: str) -> None:
    assert "VOLATILE" in of(replace(BUILT_IN, name=name, volatility="v"))


@pytest.mark.parametrize(
    "name", ["table_to_xml", "pg_input_is_valid", "domain_in", "pg_current_xact_id"]
)
def test_a_label_is_only_a_promise(name: str) -> None:
    assert f"calls {name}(), which " in of(replace(BUILT_IN, name=name, volatility="s"))


def test_one_form_of_a_function_can_be_harmless() -> None:
    plain = replace(BUILT_IN, name="ts_rewrite", volatility="i")
    assert of(plain) == "harmless"
    assert "runs SQL" in of(replace(plain, volatility="v"))


def test_a_users_function_is_refused_with_all_that_matters() -> None:
    assert of(replace(OF_USER, security_definer=True)) == (
        "calls public.f(), a plpgsql function of alice, with its owner's rights (SECURITY "
        "DEFINER), labelled IMMUTABLE: nobody has said that it is harmless"
    )


def test_a_users_function_is_harmless_when_the_owner_says_so() -> None:
    assert of(OF_USER, "public.f") == "harmless"
    assert of(OF_USER, "f", "other.f") != "harmless"


def test_the_name_of_a_built_in_function_does_not_make_one() -> None:
    assert of(replace(OF_USER, name="lower")) != "harmless"
    assert of(replace(OF_USER, language="internal", source="pg_sleep")) != "harmless"


def test_a_known_extension_is_trusted_but_for_what_is_volatile_or_not_compiled() -> None:
    assert of(OF_EXTENSION) == "harmless"
    assert "of the extension pg_trgm" in of(replace(OF_EXTENSION, volatility="v"))
    assert of(replace(OF_EXTENSION, language="plpgsql")) != "harmless"
    assert of(replace(OF_EXTENSION, extension="dblink")) != "harmless"


def test_random_bytes_of_an_extension_are_harmless() -> None:
    found = replace(OF_EXTENSION, extension="pgcrypto", name="gen_random_bytes", volatility="v")
    assert of(found) == "harmless"
    assert of(replace(found, extension="pg_trgm")) != "harmless"


def test_an_aggregate_is_judged_by_its_steps() -> None:
    assert of(replace(OF_USER, language="internal", aggregate=True)) == "harmless"


def test_a_range_may_be_built() -> None:
    assert of(replace(OF_USER, language="internal", source="range_constructor2")) == "harmless"


def test_a_foreign_table_is_another_server() -> None:
    assert "foreign table far.away" in of(Reached("foreign table", "far", "away", "alice"))

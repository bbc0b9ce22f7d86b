"""How the text of a row is made of its columns: one below the other, or by a template."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from string import Formatter

from agentdb.errors import BadInput

_QUOTED = re.compile(r'\s*"((?:[^"]|"")+)"\s*')


@dataclass(frozen=True, slots=True)
class Wording:
    """Of which columns a text is made; a template has `{0}` for the first of them."""

    columns: tuple[str, ...]
    template: str | None = None


def read_wording(text: str | Sequence[str], allowed: Collection[str]) -> Wording:
    """Return what a list of columns ("name, description") or a template ("{name}: …") means.

    A name in double quotes is taken as it is; another one may differ in case. Raises BadInput.
    """
    if not isinstance(text, str):
        return Wording(_distinct([_known(name, allowed, exact=True) for name in text]))
    if "{" in text or "}" in text:
        return _template(text, allowed)
    return Wording(_distinct([_column(part, allowed) for part in parts_of(text, ",")]))


def render(wording: Wording, values: Sequence[str | None]) -> str | None:
    """Return the text of a row; None where none of its columns says anything.

    >>> render(Wording(("name", "about")), ["Anorak", None])
    'Anorak'
    """
    said = [value if value and value.strip() else None for value in values]
    if not any(said):
        return None
    if wording.template is None:
        return "\n".join(value for value in said if value)
    return wording.template.format(*(value or "" for value in said))


def written(wording: Wording) -> str:
    """Return it as it could be given: for a reader."""
    names = [_shown(name) for name in wording.columns]
    if wording.template is None:
        return ", ".join(names)
    return wording.template.format(*(f"{{{name}}}" for name in names))


def parts_of(text: str, separator: str) -> tuple[str, ...]:
    """Return the parts of a list, split where the separator is outside double quotes."""
    quoted = r'"(?:[^"]|"")*"'
    return tuple(re.findall(rf'(?:{quoted}|[^"{re.escape(separator)}]|")+', text)) or ("",)


def plain_name(part: str) -> tuple[str, bool]:
    """Return the name that is written, and whether it stands in double quotes."""
    match = _QUOTED.fullmatch(part)
    return (match[1].replace('""', '"'), True) if match else (part.strip(), False)


def _template(text: str, allowed: Collection[str]) -> Wording:
    columns: list[str] = []
    made: list[str] = []
    for literal, field in _fields(text):
        made.append(literal.replace("{", "{{").replace("}", "}}"))
        if field is not None:
            name = _column(field, allowed)
            columns += [] if name in columns else [name]
            made.append(f"{{{columns.index(name)}}}")
    if not columns:
        raise BadInput("a template names no column: write it like '{name}: {description}'")
    return Wording(tuple(columns), "".join(made))


def _fields(text: str) -> list[tuple[str, str | None]]:
    try:
        parts = [*Formatter().parse(text)]
    except ValueError as error:
        raise BadInput(f"a template like '{{name}}: {{description}}' it is not: {error}") from error
    if any(form or conversion for _, _, form, conversion in parts):
        raise BadInput("a template takes columns as they are: leave out what follows : or !")
    return [(literal, field) for literal, field, _, _ in parts]


def _column(part: str, allowed: Collection[str]) -> str:
    name, exact = plain_name(part)
    return _known(name, allowed, exact=exact)


def _known(name: str, allowed: Collection[str], *, exact: bool) -> str:
    found = _among(name, allowed, exact=exact)
    if found is not None:
        return found
    if not name:
        raise BadInput(f"say which columns the text is made of: {', '.join(allowed)}")
    near = get_close_matches(name, allowed, n=1)
    there = f"did you mean {near[0]}?" if near else f"there are {', '.join(allowed)}"
    raise BadInput(f"there is no column {name}: {there}")


def _among(name: str, allowed: Collection[str], *, exact: bool) -> str | None:
    if name in allowed:
        return name
    return name.lower() if not exact and name.lower() in allowed else None


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _shown(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_$]*", name) else f'"{name}"'

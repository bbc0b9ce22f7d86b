"""The number of the next migration, in the way that a folder numbers the ones it has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

_FORMS = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M"}
_DATE_PARTS = 3


def next_number(taken: Iterable[str], advised_at: datetime) -> str:
    """Return a number above all that are taken; without any, the time of the advice.

    It depends on nothing but the folder and the advice, so that the same gives the same.

    >>> from datetime import UTC
    >>> moment = datetime(2026, 3, 1, 2, 3, 4, tzinfo=UTC)
    >>> next_number(["0001", "0012"], moment), next_number([], moment)
    ('0013', '20260301020304')
    >>> next_number(["20250101000000"], moment), next_number(["20270101000000"], moment)
    ('20260301020304', '20270101000001')
    >>> next_number(["1.9", "1.12"], moment), next_number(["2026.01.02"], moment)
    ('1.13', '2026.03.01')
    """
    last = max(taken, key=_parts, default=None)
    if last is None:
        return f"{advised_at:{_FORMS[14]}}"
    if len(_parts(last)) == 1:
        return _single(last, advised_at)
    today = _dated(last, advised_at)
    return today if today and _parts(today) > _parts(last) else _raised(last)


def _parts(number: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall("[0-9]+", number)))


def _single(last: str, advised_at: datetime) -> str:
    form = _FORMS.get(len(last))
    if form is None:
        return str(int(last) + 1).zfill(len(last))
    wanted = f"{advised_at:{form}}"
    return wanted if int(wanted) > int(last) else _later(last, form)


def _later(last: str, form: str) -> str:
    step = timedelta(seconds=1) if form.endswith("%S") else timedelta(minutes=1)
    try:
        return f"{datetime.strptime(last, form) + step:{form}}"  # noqa: DTZ007 - no zone in names
    except ValueError:  # fourteen digits that are no time
        return str(int(last) + 1)


def _dated(last: str, advised_at: datetime) -> str | None:
    """Return the day of the advice where days are what the folder counts: `2026.01.02`."""
    year, *rest = re.findall("[0-9]+", last)
    if len(rest) + 1 != _DATE_PARTS or not re.fullmatch("20[0-9]{2}", year):
        return None
    separator = re.sub("[0-9]", "", last)[0]
    return f"{advised_at:%Y{separator}%m{separator}%d}"


def _raised(last: str) -> str:
    """Return the version with its last part one higher; a day gets a second one, `.1`."""
    head, digits = re.fullmatch(r"(.*?)([0-9]+)", last).groups()  # type: ignore[union-attr]
    if len(_parts(last)) == _DATE_PARTS and re.match("20[0-9]{2}[._]", last):
        return f"{last}{head[-1]}1"
    return f"{head}{str(int(digits) + 1).zfill(len(digits))}"

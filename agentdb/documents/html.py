"""HTML to Markdown: headings, lists, tables and code stay; menus, scripts and styles go."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentdb.documents.document import require
from agentdb.documents.text import checked, read_bytes
from agentdb.errors import BadText

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

_NOT_CONTENT = ("head", "script", "style", "template", "noscript", "nav", "svg", "iframe")


@dataclass(frozen=True, slots=True)
class Page:
    """A page's title (empty if it has none) and its text as Markdown."""

    title: str
    text: str


def read_html(path: Path) -> Page:
    """Return a page; its encoding is the one it declares. Raises BadText or ReaderMissing."""
    for module in ("bs4", "lxml", "markdownify"):
        require(module, "HTML")
    data = read_bytes(path)
    try:
        soup = _parsed(data)
        title = " ".join(soup.title.get_text().split()) if soup.title else ""
        return Page(title, checked(_as_markdown(soup)))
    except RecursionError as error:
        raise BadText("its elements are nested too deeply to be a page") from error


def _parsed(data: bytes) -> BeautifulSoup:
    import bs4  # noqa: PLC0415 - of an extra

    with warnings.catch_warnings():  # that it may be XML, that a byte was replaced: not for us
        warnings.simplefilter("ignore")
        return bs4.BeautifulSoup(data, "lxml")


def _as_markdown(soup: BeautifulSoup) -> str:
    from markdownify import MarkdownConverter  # noqa: PLC0415 - of an extra

    for element in soup(_NOT_CONTENT):
        element.decompose()
    for image in soup("img"):
        image.replace_with(str(image.get("alt") or ""))
    converter = MarkdownConverter(
        heading_style="ATX",
        bullets="-",
        strip=["a"],  # its words stay; an address says nothing to a search
        escape_asterisks=False,  # names_like_this must be found as they are
        escape_underscores=False,
        escape_misc=False,
    )
    return str(converter.convert_soup(soup)).strip()

"""HTML from nested calls; whatever is not already HTML is escaped, so no name can break a page."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

_VOID: Final = frozenset({"br", "meta", "input", "col", "hr", "wbr"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(value: object) -> Html:
    """Return a value as HTML text; :class:`Html` stays as it is, None is nothing.

    >>> escape("<b>")
    '&lt;b&gt;'
    """
    if isinstance(value, Html):
        return value
    return Html("" if value is None else html.escape(str(value)))


def join(parts: Iterable[object], separator: str = "") -> Html:
    """Return the parts, escaped where needed, one after the other."""
    return Html(escape(separator).join(escape(part) for part in parts))


def el(tag: str, /, *children: object, **attributes: object) -> Html:
    """Return one element.

    ``class_`` is ``class`` and ``aria_label`` is ``aria-label``; True is an attribute without a
    value, None and False leave it out; a list among the children is joined.

    >>> el("p", "1 < 2", class_="note", hidden=True, title=None)
    '<p class="note" hidden>1 &lt; 2</p>'
    """
    flat = (join(c) if isinstance(c, (list, tuple)) else escape(c) for c in children)
    text = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{text}>")
    return Html(f"<{tag}{text}>{''.join(flat)}</{tag}>")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'


def breakable(name: str) -> Html:
    """Return a name that may end a line after an underscore, and nowhere else inside a word.

    >>> breakable("cat_food")
    'cat_<wbr>food'
    """
    return join(name.split("_"), join(["_", el("wbr")]))


def section(name: str, title: str, *children: object) -> Html:
    """Return a section of the page with its heading, which links and tests find by ``name``."""
    heading = el("h2", title, id=f"{name}-title")
    return el("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def table(head: Iterable[object], rows: Iterable[Html], class_: str) -> Html:
    """Return a table of rows under column headings."""
    headings = el("tr", *(el("th", title, scope="col") for title in head))
    return el("table", el("thead", headings), el("tbody", *rows), class_=class_)


def row(name: object, *cells: object, class_: str | None = None) -> Html:
    """Return a table row: its heading, and a cell for each value."""
    return el("tr", el("th", name, scope="row"), *(el("td", c) for c in cells), class_=class_)


def scrolling(label: str, wide: Html) -> Html:
    """Return a wide table in a box that scrolls sideways, by keyboard too."""
    return el("div", wide, class_="scroll", role="region", aria_label=label, tabindex="0")


def terms(*pairs: tuple[str, str]) -> Html:
    """Return one-line explanations of words, where they first appear."""
    return el("dl", *(el("div", el("dt", w), el("dd", m)) for w, m in pairs), class_="terms")


def note(*children: object) -> Html:
    """Return a paragraph of small print."""
    return el("p", *children, class_="note")

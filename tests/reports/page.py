"""Reads a page the way a browser does, as far as the tests need it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "meta", "input", "col", "hr", "wbr"}


@dataclass(eq=False, repr=False)
class Element:
    """One element: its tag, attributes and the text inside it."""

    tag: str
    attributes: dict[str, str | None]
    parents: tuple[Element, ...]
    pieces: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the element and of all inside it."""
        return "".join(self.pieces)


class Page(HTMLParser):
    """The elements of a page in their order; ``problems`` holds tags that do not match."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.problems: list[str] = []
        self._open: list[Element] = []
        self.feed(source)
        self.close()
        self.problems += [f"<{e.tag}> is never closed" for e in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), tuple(self._open))
        if len(attrs) != len(element.attributes):
            self.problems.append(f"<{tag}> repeats an attribute")
        if self._open:
            self._open[-1].children.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            self.problems.append(f"</{tag}> closes nothing")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.pieces.append(data)

    def all(self, tag: str, class_: str | None = None) -> list[Element]:
        """Return the elements of a tag, and of a class where one is named."""
        found = [e for e in self.elements if e.tag == tag]
        if class_ is None:
            return found
        return [e for e in found if class_ in (e.attributes.get("class") or "").split()]

    def by_id(self, name: str) -> Element:
        """Return the one element with an id."""
        (found,) = [e for e in self.elements if e.attributes.get("id") == name]
        return found

    def inside(self, parent: Element, tag: str) -> list[Element]:
        """Return the elements of a tag anywhere below another."""
        found = []
        for child in parent.children:
            found += [child] if child.tag == tag else []
            found += self.inside(child, tag)
        return found

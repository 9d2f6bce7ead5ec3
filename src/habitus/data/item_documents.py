"""ItemDocuments: the texts that behaviours are made of: of items, of events, or of both.

A behaviour is a search query, an article that was read, a product that was bought: the text is the
event's own where it has one, else that of its item.

Shapes: D documents (the items' texts by code, then the events' own by row), L events.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from habitus.data.columns import ITEM_ID, TEXT
from habitus.data.posts import AUTO, ITEM, Documents
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError


@dataclass(frozen=True)
class ItemDocuments:
    """The texts of traces, numbered: items first, then events.

    Raises:
        DataError: there is no such text.
    """

    traces: Traces
    text: str = AUTO
    """``item``: the text of an event's item; a text channel: the event's own; ``auto``: the channel
    ``text`` where there is one and something stands in it, else the item's."""

    def __post_init__(self) -> None:
        assert self.of_items is not None or self.of_events is not None

    @cached_property
    def of_events(self) -> Documents | None:
        """The texts of the events, where they are read."""
        if self.text == ITEM:
            return None
        if self.text != AUTO:
            return Documents(self.traces, self.text)
        column = self.traces.columns.get(TEXT)
        return Documents(self.traces, TEXT) if column and column.kind == "text" else None

    @cached_property
    def of_items(self) -> Documents | None:
        """The texts of the items, where they are read."""
        if self.text not in (AUTO, ITEM):
            return None
        try:
            return Documents(self.traces, ITEM)
        except DataError:
            if self.of_events is not None:
                return None
            raise

    @property
    def names(self) -> list[str]:
        """What is read: ``item``, a channel, or both."""
        return [d.text for d in (self.of_items, self.of_events) if d is not None]

    @cached_property
    def num_items(self) -> int:
        """Documents that are texts of items: one for each code, the missing one included."""
        return self.of_items.num_documents if self.of_items is not None else 0

    @property
    def num_documents(self) -> int:
        """How many documents, ``D``; some have no text."""
        events = self.of_events.num_documents if self.of_events is not None else 0
        return self.num_items + events

    def texts(self, document_N: Rows) -> list[str]:
        """Return the texts of some documents, ascending."""
        items, events = self._split(document_N)
        found = self.of_items.texts(items) if self.of_items is not None else []
        return found + (self.of_events.texts(events) if self.of_events is not None else [])

    def num_bytes(self, document_N: Rows) -> Rows:
        """Return how long some documents are in UTF-8, ascending; 0 where there is no text."""
        items, events = self._split(document_N)
        found = [np.zeros(0, np.int64)]
        if self.of_items is not None:
            found.append(self.of_items.num_bytes(items))
        if self.of_events is not None:
            found.append(self.of_events.num_bytes(events))
        return np.concatenate(found)

    def document_of(self, row_L: Rows) -> Rows:
        """Return the document that each of some events reads; -1 for those without text."""
        document_L = np.full(len(row_L), -1, np.int64)
        if self.of_items is not None:
            code_L = self.traces.column(ITEM_ID)[row_L].astype(np.int64)
            document_L = np.where(self.of_items.num_bytes(code_L) > 0, code_L, -1)
        if self.of_events is not None:
            own_L = self.of_events.num_bytes(row_L) > 0
            document_L = np.where(own_L, self.num_items + row_L, document_L)
        return document_L

    def text_of(self, row_L: Rows, text_D: Rows) -> Rows:
        """Return the text of some events, given that of each document; -1 for none."""
        text_L = np.full(len(row_L), -1, np.int64)
        if self.of_events is not None:
            text_L = text_D[self.num_items + row_L].astype(np.int64)
        if self.of_items is not None:
            code_L = self.traces.column(ITEM_ID)[row_L].astype(np.int64)
            text_L = np.where(text_L < 0, text_D[code_L], text_L)
        return text_L

    def _split(self, document_N: Rows) -> tuple[Rows, Rows]:
        first = int(np.searchsorted(document_N, self.num_items))
        return document_N[:first], document_N[first:] - self.num_items

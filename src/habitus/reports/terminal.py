"""The scores as a terminal table: whole where it fits, ours against the reference where not."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, Final

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from habitus.reports.findings import Difference, Findings
from habitus.reports.formats import percent, score, signed, signed_interval
from habitus.reports.model_facts import quick_warning
from habitus.reports.schema import check_results
from habitus.reports.sections.headline import headline
from habitus.reports.terminal_key import key, who_is_ahead

_MARKS: Final = {"best": "★", "tie": "≈", "behind": "▽", "untested": " "}
_STYLES: Final = {"best": "bold", "tie": "", "behind": "dim", "untested": "dim"}
_VERDICT_STYLES: Final = {"better": "bold cyan", "worse": "bold yellow", "tie": ""}
_ASCII: Final = str.maketrans(
    {"★": "*", "≈": "~", "▽": "v", "−": "-", "–": "-", "✓": "+", "✗": "x", "…": ".", "\xa0": " "}
    | {"“": '"', "”": '"', "±": "+-"}
)


def terminal_table(results: Mapping[str, Any]) -> RenderableType:
    """Return the headline, the table and the leak checks, for ``rich`` to print.

    Raises:
        DataError: results that are not format 1.
        GuardError: results that hold user ids.
    """
    check_results(results)
    return _TerminalReport(Findings(results))


class _TerminalReport:
    """Chooses its columns when it knows how wide the terminal is."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ascii_only = options.ascii_only
        if quick := quick_warning(self.findings.results):
            yield _text(quick, style="bold red", ascii_only=ascii_only)
        for sentence in headline(self.findings):
            yield _text(sentence, ascii_only=ascii_only)
        if self.findings.tasks:
            table, methods, has_difference = self._fitting(console, options)
            yield table
            if ahead := who_is_ahead(self.findings):
                yield _text(" ".join(ahead), style="bold", ascii_only=ascii_only)
            for line in key(self.findings, methods, has_difference=has_difference):
                yield _text(line, style="dim", ascii_only=ascii_only)
        for told in (*self.findings.left_out, *self.findings.left_out_splits):
            yield _text(f"not run: {told}", style="dim", ascii_only=ascii_only)
        yield _canaries(self.findings, ascii_only=ascii_only)

    def _fitting(self, console: Console, options: ConsoleOptions) -> tuple[Table, list[str], bool]:
        """Return the widest table that needs no cut, else the narrowest, and what it shows."""
        unlimited = options.update(max_width=10_000)
        for methods, difference in self._layouts():
            table = _table(self.findings, methods, difference, options.ascii_only)
            if Measurement.get(console, unlimited, table).minimum <= options.max_width:
                break
        return table, methods, difference and self.findings.is_held(methods)

    def _layouts(self) -> list[tuple[list[str], bool]]:
        """Return methods, and whether the difference has a column: the widest first."""
        names = [m["name"] for m in self.findings.columns]
        shown = self.findings.shown or names[:3]
        # The best of others must be seen to be ahead: it comes before ours joined with more.
        best = [] if self.findings.best_beside is None else [self.findings.best_beside[0]]
        first = [*shown[:2], *best, *shown[2:]]
        order = first + [name for name in names if name not in first]
        least = len(shown[:2]) + len(best)
        layouts = [(names, True)]
        layouts += [(order[:n], True) for n in range(len(order) - 1, least - 1, -1)]
        layouts += [(order[:least], False), (shown[:2], True)] if best else []
        return [*layouts, (shown[:2], False), (shown[:1], False)]


def _table(findings: Findings, methods: list[str], difference: bool, ascii_only: bool) -> Table:
    table = Table(box=box.ASCII2 if ascii_only else box.SIMPLE_HEAD, padding=(0, 1))
    table.pad_edge, table.collapse_padding = False, True

    def text(value: str, style: str = "") -> Text:
        return _text(value, style=style, ascii_only=ascii_only)

    # Only questions may fold: figures keep their width, and titles are folded beforehand.
    table.add_column(text("question"), overflow="fold", min_width=10, max_width=24)
    table.add_column(text(findings.words.base_column), justify="right", no_wrap=True)
    for name in methods:
        title = textwrap.fill(findings.label(name), 10)
        table.add_column(text(title), justify="right", no_wrap=True)
    against = findings.reference
    difference = difference and findings.is_held(methods)
    if difference:
        title = f"{findings.label(findings.ours)} − {findings.label(against)}"
        table.add_column(text(textwrap.fill(title, 15)), no_wrap=True)
    for task in findings.tasks:
        cells = [_score(findings, task["name"], name) for name in methods]
        found = findings.difference(task["name"], findings.ours or "", against or "")
        cells += [_difference(found)] if difference else []
        row = [(task["name"], ""), (percent(task.get("base_rate_test")), ""), *cells]
        table.add_row(*(text(*cell) for cell in row))
    # The mean over one question is that question.
    if not findings.of_one_task:
        table.add_section()
        table.add_row(*(text(*cell) for cell in _mean_row(findings, methods, difference)))
    _keep_figures_whole(table)
    return table


def _keep_figures_whole(table: Table) -> None:
    """Hold all columns but the first to their widest line, so that a cut is never called a fit."""
    for column in table.columns[1:]:
        texts = [column.header, *column.cells]
        lines = [line for text in texts for line in str(text).split("\n")]
        column.min_width = max(map(cell_len, lines))


def _score(findings: Findings, task: str, method: str) -> tuple[str, str]:
    found = findings.estimate(task, method)
    if found is None:
        return "–", "dim"
    mark = findings.mark(task, method)
    return f"{score(found['value'])} {_MARKS[mark]}\n{_span(found)}", _STYLES[mark]


def _span(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return "–"
    # Two digits: the interval is for its width, and eight of them must fit beside each other.
    return f"{score(found['low'], 2)}–{score(found['high'], 2)}"


def _difference(found: Difference | None) -> tuple[str, str]:
    if found is None or found.value is None:
        return "–", "dim"
    figures = signed_interval(found.low, found.high)
    return f"{signed(found.value)} {found.word}\n{figures}", _VERDICT_STYLES[found.verdict]


def _mean_row(findings: Findings, methods: list[str], difference: bool) -> list[tuple[str, str]]:
    cells = []
    for name in methods:
        mean = findings.means.get(name)
        known = mean is not None and mean["value"] is not None
        mark = _MARKS[findings.mean_mark(name)]
        cells.append(
            (f"{score(mean['value'])} {mark}\n{_span(mean)}" if mean and known else "–", "bold")
        )
    if difference:
        found = findings.mean_difference(findings.ours or "")
        cells.append(_difference(found[1] if found else None))
    return [("mean", "bold"), ("", ""), *cells]


def _canaries(findings: Findings, *, ascii_only: bool) -> Text:
    canaries = findings.results.get("canaries") or []
    failed = findings.failed_canaries
    if failed:
        names = ", ".join(c["name"] for c in failed)
        words = [f"✗ leak checks FAILED: {names}; do not rely on these scores"]
        words += [
            f"  {c['what'].rstrip('.')}; found: {c['detail']}" for c in failed if c.get("detail")
        ]
        return _text("\n".join(words), style="bold red", ascii_only=ascii_only)
    if not canaries:
        return _text("– no leak checks were run", style="yellow", ascii_only=ascii_only)
    return _text(f"✓ leak checks: {len(canaries)} of {len(canaries)} passed", ascii_only=ascii_only)


def _text(value: str, *, style: str = "", ascii_only: bool = False) -> Text:
    """Return text in which no name can be markup, nor steer the terminal."""
    safe = "".join(c if c.isprintable() or c in "\n\xa0" else "�" for c in value)
    if ascii_only:
        safe = safe.translate(_ASCII).encode("ascii", "backslashreplace").decode()
    return Text(safe, style=style)

"""Results into tables, plots and one page."""

from habitus.reports.files import read_results, write_report
from habitus.reports.html import html_page
from habitus.reports.model_card import model_card
from habitus.reports.schema import check_results
from habitus.reports.terminal import terminal_table

__all__ = [
    "check_results",
    "html_page",
    "model_card",
    "read_results",
    "terminal_table",
    "write_report",
]

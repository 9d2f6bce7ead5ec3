"""Analyses into one page: one question, its tables and its plots."""

from habitus.reports.analysis.page import analysis_page, write_analysis
from habitus.reports.analysis.schema import check_analysis

__all__ = ["analysis_page", "check_analysis", "write_analysis"]

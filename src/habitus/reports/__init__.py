"""Results into tables, plots and one page."""

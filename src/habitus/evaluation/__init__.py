"""Tasks × methods into results with intervals."""

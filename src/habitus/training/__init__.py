"""Loss into weights."""

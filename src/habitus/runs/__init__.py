"""Where everything is wired."""

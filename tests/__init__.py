"""The same tree as the package; a package itself, so that no other `tests` is taken for it."""

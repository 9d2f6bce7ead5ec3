"""Config: frozen, keyword-only dataclasses that go to a dictionary and back, and their settings."""

from habitus.config.base import Config, ConfigT, digest_of
from habitus.config.overriding import as_yaml, override, read_yaml
from habitus.config.words import allowed, meanings

__all__ = [
    "Config",
    "ConfigT",
    "allowed",
    "as_yaml",
    "digest_of",
    "meanings",
    "override",
    "read_yaml",
]

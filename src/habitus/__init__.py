"""Universal user representations: one vector per person, learned from the traces they leave."""

__version__ = "0.1.0"

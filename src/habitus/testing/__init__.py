"""Contracts that ship with the package."""

"""Traces into batches."""

"""Side-by-side measurements: ``python -m benchmarks.run [NAME …] [--quick]``."""

"""Side-by-side timings; each is run with `python -m benchmarks.<name>` in the project's folder."""

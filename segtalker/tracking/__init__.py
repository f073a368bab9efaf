"""Runs in MLflow, and where a result comes from."""

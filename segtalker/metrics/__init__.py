"""Evaluation metrics: pure maths in `functional`, protocols in `registry`."""

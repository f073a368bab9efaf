"""Params as types, experiments that override them, and where a run keeps its files."""

"""Sweeps: many trials of one experiment, each in a folder of its own."""

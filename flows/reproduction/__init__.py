"""A run of somebody's, made again: its params, its code, its data, and whether the numbers match."""

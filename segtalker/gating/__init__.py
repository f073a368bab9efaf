"""The quality gate: what cropped clips are like, and which of them are good enough."""

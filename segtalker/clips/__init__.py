"""Clips on disk: the store, packs of images, work on many clips, splits."""

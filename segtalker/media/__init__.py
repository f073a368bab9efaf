"""Decoding, encoding, audio features and image warps."""

"""Drawn faces, and a parser that is right about them."""

from drawn_fixtures import colour_parser, draw, params, picture

__all__ = ["colour_parser", "draw", "params", "picture"]

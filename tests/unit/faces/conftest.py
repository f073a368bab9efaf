"""Drawn faces, and a parser that is right about them."""

import pytest
import torch
from drawn_people import ColourParser, DrawnFace, tiny_params

from segtalker.config.params import Params


@pytest.fixture(scope="session")
def draw() -> type[DrawnFace]:
    """Draws a face anywhere."""
    return DrawnFace


@pytest.fixture(scope="session")
def colour_parser() -> torch.nn.Module:
    """A parser that is right about drawings."""
    return ColourParser().requires_grad_(False)


@pytest.fixture(scope="session")
def params() -> Params:
    """Params of small pictures."""
    return tiny_params()

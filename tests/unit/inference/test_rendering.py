"""Codes and masks to frames."""

import numpy as np
import pytest
import torch
from drawn_people import mouth_masks
from tiny_encoder import make_encoder
from torch import nn

from segtalker.inference.rendering import encode_identity, render_frames
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.regions import MOUTH, NUM_REGIONS, REGION_INDEX

SIDE = 32
SKIN = REGION_INDEX["skin"]


@pytest.fixture
def nets() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    sizes = {"image_size": SIDE, "style": 4, "texture": 4}
    encoder = make_encoder(MaskGuidedEncoder, **sizes, channels={16: 4, 8: 6}, taps=(16, 8))
    plain = {
        "regions": NUM_REGIONS,
        "hung_mouth": False,
        "mapping_layers": 1,
        "detailed": (),
        "exact_borders": False,
        "soft_edges": False,
    }
    generator = MaskGuidedGenerator(**sizes, **plain, channels={8: 6, 16: 4}, masked_up_to=16)
    return encoder.eval(), generator.eval()


def _frames(count: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def test_codes_come_from_the_frame_that_shows_most_of_the_region(nets: tuple[nn.Module, nn.Module]) -> None:
    encoder, _ = nets
    frames, masks = _frames(5), mouth_masks(5)
    codes = encode_identity(encoder, frames, masks)
    singles = [encode_identity(encoder, frames[i : i + 1], masks[i : i + 1]) for i in range(5)]
    torch.testing.assert_close(codes[0, MOUTH], singles[4][0, MOUTH])
    torch.testing.assert_close(codes[0, SKIN], singles[0][0, SKIN])


def test_batches_do_not_change_the_frames(nets: tuple[nn.Module, nn.Module]) -> None:
    encoder, generator = nets
    codes = encode_identity(encoder, _frames(1), mouth_masks(1))
    runs = [
        np.stack(list(render_frames(generator, mouth_masks(5), codes, _frames(5), edge=1, batch_size=size)))
        for size in (1, 2, 8)
    ]
    assert runs[0].shape == (5, SIDE, SIDE, 3)
    assert runs[0].dtype == np.uint8
    for other in runs[1:]:
        assert np.abs(runs[0].astype(int) - other).max() <= 1


def test_frames_stream(nets: tuple[nn.Module, nn.Module]) -> None:
    """Only the batches asked for are painted."""
    encoder, generator = nets
    painted: list[int] = []
    generator.register_forward_hook(lambda _, args, __: painted.append(len(args[0])))
    codes = encode_identity(encoder, _frames(1), mouth_masks(1))
    frames = render_frames(generator, mouth_masks(6), codes, None, edge=1, batch_size=2)
    next(frames)
    assert painted == [2]


def test_the_background_is_the_given_one_and_the_face_is_not(nets: tuple[nn.Module, nn.Module]) -> None:
    encoder, generator = nets
    codes = encode_identity(encoder, _frames(1), mouth_masks(1))
    behind = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    behind[..., 1] = 200
    with_it = np.stack(list(render_frames(generator, mouth_masks(3), codes, behind, edge=1, batch_size=2)))
    without = np.stack(list(render_frames(generator, mouth_masks(3), codes, None, edge=1, batch_size=2)))
    np.testing.assert_array_equal(with_it[:, :3], behind.repeat(3, 0)[:, :3])
    np.testing.assert_array_equal(with_it[:, 10:22, 12:20], without[:, 10:22, 12:20])

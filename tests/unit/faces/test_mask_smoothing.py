"""Flicker is counted as it is defined, and averaged away where nothing moves and nowhere else."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as stacks

from segtalker.faces.mask_smoothing import Scored, Smoothing, flicker, region_flicker, smooth
from segtalker.regions import LIP, MOUTH, NUM_REGIONS, REGION_INDEX

SKIN, HAIR = REGION_INDEX["skin"], REGION_INDEX["hair"]
SIDE = 64
SMOOTHING = Smoothing(5, 4.0)


def _blips_one_by_one(masks: np.ndarray) -> float:
    """The definition, pixel by pixel."""
    away = 0
    for track in masks.reshape(len(masks), -1).T.tolist():
        for start in range(1, len(track)):
            for length in (1, 2):
                if start + length < len(track) and track[start - 1] == track[start + length]:
                    away += length * all(region != track[start - 1] for region in track[start : start + length])
    return 1000 * away / masks.size


@settings(max_examples=100, deadline=None)
@given(stacks(np.uint8, st.tuples(st.integers(1, 9), st.just(2), st.just(3)), elements=st.integers(0, 3)))
def test_flicker_counts_what_leaves_and_comes_back(masks: np.ndarray) -> None:
    assert flicker(masks) == pytest.approx(_blips_one_by_one(masks))


def test_only_short_absences_are_flicker() -> None:
    masks = np.full((12, 10, 10), SKIN, np.uint8)
    assert flicker(masks) == 0
    masks[6:] = HAIR
    assert flicker(masks) == 0
    masks[:] = SKIN
    masks[3:6, :5] = HAIR
    assert flicker(masks) == 0
    masks[9:11, :1] = HAIR
    assert flicker(masks) == pytest.approx(1000 * 2 * 10 / masks.size)


def test_each_region_answers_for_its_own_pixels() -> None:
    masks = np.full((5, 10, 10), SKIN, np.uint8)
    masks[:, :2] = HAIR
    masks[2, 0] = SKIN
    shares = region_flicker(masks)
    assert shares[HAIR] == pytest.approx(1000 * 10 / (5 * 20 - 10))
    assert shares[SKIN] == 0
    assert np.isnan(shares[LIP])


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_averages_are_those_of_the_definition(frames: int) -> None:
    """Every pixel of every frame, likeness by the mean over its patch, with fewer pixels at the edges."""
    pictures, truth = _scene(6, moving=True, noise=3.0)
    chances = _doubtful(truth, 3)
    smoothed = _smoothed(pictures, chances, Smoothing(frames, 6.0))
    for centre in range(len(pictures)):
        total = torch.zeros_like(chances[0])
        for other in range(max(centre - frames // 2, 0), min(centre + frames // 2 + 1, len(pictures))):
            square = (pictures[centre] - pictures[other]).square().mean(0)[None, None]
            around = F.avg_pool2d(square, 3, 1, 1, count_include_pad=False)[0, 0]  # one pixel either way at 64 px
            total += (around * -0.5 / 6.0**2).exp() * chances[other]
        differs = smoothed[centre] != total.argmax(dim=0).numpy()
        assert differs.mean() < 1e-3  # where two regions are as likely, but for rounding


def _scene(frames: int, moving: bool, noise: float) -> tuple[torch.Tensor, np.ndarray]:
    """A dark mouth on lips on skin that opens and closes every 8 frames, or stays; true regions."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    opening = 2 + 10 * np.abs(np.sin(np.arange(frames) * np.pi / 8)) if moving else np.full(frames, 8.0)
    masks = np.full((frames, SIDE, SIDE), SKIN, np.uint8)
    for mask, height in zip(masks, opening, strict=True):
        mask[(rows / (height + 4)) ** 2 + (columns / 20) ** 2 < 1] = LIP
        mask[(rows / height) ** 2 + (columns / 16) ** 2 < 1] = MOUTH
    colours = np.zeros((NUM_REGIONS, 3), np.float32)
    colours[[SKIN, LIP, MOUTH]] = (224, 172, 140), (188, 92, 96), (60, 24, 30)
    pictures = colours[masks] + np.random.default_rng(0).normal(0, noise, (frames, SIDE, SIDE, 3))
    return torch.from_numpy(pictures.clip(0, 255).astype(np.float32)).permute(0, 3, 1, 2), masks


def _doubtful(masks: np.ndarray, seed: int) -> torch.Tensor:
    """Probabilities of a parser that is unsure near edges, anew in every frame."""
    sharp = F.one_hot(torch.from_numpy(masks.astype(np.int64)), NUM_REGIONS).permute(0, 3, 1, 2).float()
    soft = F.avg_pool2d(sharp, 5, 1, 2, count_include_pad=False)
    return (8 * soft + torch.randn(soft.shape, generator=torch.Generator().manual_seed(seed))).softmax(dim=1)


def _scored(pictures: torch.Tensor, chances: torch.Tensor) -> list[Scored]:
    """Frames as a parser scores them."""
    return list(map(Scored, pictures, chances.clamp_min(1e-12).log(), chances.argmax(dim=1).to(torch.uint8)))


def _smoothed(pictures: torch.Tensor, chances: torch.Tensor, smoothing: Smoothing) -> np.ndarray:
    return np.stack([regions.cpu().numpy() for regions in smooth(_scored(pictures, chances), smoothing)])


def _iou(masks: np.ndarray, truth: np.ndarray, region: int) -> float:
    return float(((masks == region) & (truth == region)).sum() / ((masks == region) | (truth == region)).sum())


def test_known_blips_vanish_where_nothing_moves() -> None:
    pictures, truth = _scene(9, moving=False, noise=1.5)
    wrong = truth.copy()
    wrong[2, 10:20, 10:20] = HAIR
    wrong[5:7, 40:44] = LIP
    chances = F.one_hot(torch.from_numpy(wrong.astype(np.int64)), NUM_REGIONS).permute(0, 3, 1, 2).float()
    assert flicker(wrong) > 5
    np.testing.assert_array_equal(_smoothed(pictures, chances, SMOOTHING), truth)


def test_a_moving_mouth_keeps_its_movement() -> None:
    pictures, truth = _scene(32, moving=True, noise=1.5)
    chances = F.one_hot(torch.from_numpy(truth.astype(np.int64)), NUM_REGIONS).permute(0, 3, 1, 2).float()
    smoothed = _smoothed(pictures, chances, SMOOTHING)
    blurred = _smoothed(pictures, chances, Smoothing(5, 1000.0))
    assert min(_iou(smoothed, truth, region) for region in (LIP, MOUTH)) > 0.99
    assert _iou(blurred, truth, LIP) < 0.8


@pytest.mark.parametrize("moving", [False, True])
def test_an_unsure_parser_flickers_less_and_is_more_often_right(moving: bool) -> None:
    pictures, truth = _scene(24, moving, noise=1.5)
    chances = _doubtful(truth, 1)
    raw, smoothed = (_smoothed(pictures, chances, smoothing) for smoothing in (Smoothing(1, 4.0), SMOOTHING))
    assert flicker(smoothed) - flicker(truth) < 0.5 * (flicker(raw) - flicker(truth))
    for region in (SKIN, LIP, MOUTH):
        assert _iou(smoothed, truth, region) > _iou(raw, truth, region)


def test_a_still_scene_settles() -> None:
    pictures, truth = _scene(40, moving=False, noise=0.0)
    chances = _doubtful(truth, 2)
    shares = [flicker(_smoothed(pictures, chances, Smoothing(frames, 4.0))) for frames in (1, 3, 5, 9, 79)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0


def test_a_window_of_one_changes_nothing() -> None:
    pictures, truth = _scene(6, moving=True, noise=3.0)
    chances = _doubtful(truth, 3)
    np.testing.assert_array_equal(_smoothed(pictures, chances, Smoothing(1, 4.0)), chances.argmax(dim=1))


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 4, 11])
def test_frames_are_averaged_as_they_come_as_if_all_were_there(frames: int) -> None:
    pictures, truth = _scene(max(frames, 1), moving=True, noise=3.0)
    pictures, chances = pictures[:frames], _doubtful(truth, 4)[:frames]
    held, most = [0], []

    def stream():
        for scored in _scored(pictures, chances):
            held[0] += 1
            yield scored

    came = []
    for part in smooth(stream(), SMOOTHING):
        came.append(part)
        most.append(held[0] - len(came))
    assert len(came) == frames
    assert max(most, default=0) <= SMOOTHING.frames // 2
    for index, part in enumerate(came):
        assert torch.equal(part, _directly(pictures, chances, index).argmax(dim=0).to(torch.uint8))


def _directly(pictures: torch.Tensor, chances: torch.Tensor, index: int) -> torch.Tensor:
    """The average of one frame, written as its formula."""
    near = slice(max(index - 2, 0), index + 3)
    square = (pictures[near] - pictures[index]).square().mean(1, keepdim=True)
    patch = F.avg_pool2d(square, 3, 1, 1, count_include_pad=False)
    weights = torch.exp(-patch / (2 * SMOOTHING.sigma**2))
    return (weights * chances[near]).sum(0) / weights.sum(0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_averages_alike() -> None:
    pictures, truth = _scene(7, moving=True, noise=3.0)
    chances = _doubtful(truth, 5)
    here, there = _smoothed(pictures, chances, SMOOTHING), _smoothed(pictures.cuda(), chances.cuda(), SMOOTHING)
    assert (here != there).mean() < 1e-4

"""Texture kept: a blurred picture has too little, a noisy one the wrong, a shifted one the right in the wrong place."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import ndimage

from segtalker.metrics import texture
from segtalker.metrics.areas import Areas
from segtalker.metrics.catalogue import all_metrics
from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, MetricNets
from segtalker.metrics.perceptual import SEEDED
from segtalker.metrics.registry import NotMeasurable
from segtalker.nets.seeded_features import SeededFeatures
from segtalker.regions import LIP, MOUTH, REGION_INDEX

FRAMES, SIZE = 3, 96
METRICS = [metric for metric in all_metrics() if metric.module == texture.__name__]
REGIONS = ("skin", "hair", "lip", "mouth", "eyes")


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
    """Hair above, skin below, with eyes, lips and an open mouth, `(T, H, W)`, uint8."""
    mask = np.full((SIZE, SIZE), REGION_INDEX["skin"], np.uint8)
    mask[:24] = REGION_INDEX["hair"]
    mask[34:42, 20:36] = mask[34:42, 60:76] = REGION_INDEX["eyes"]
    mask[62:82, 28:68], mask[66:78, 34:62] = LIP, MOUTH
    return np.repeat(mask[None], FRAMES, axis=0)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """Freckles of a few pixels everywhere, `(T, H, W, 3)`, uint8."""
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(FRAMES, SIZE, SIZE)), (0, 0.8, 0.8))
    grey = np.clip(128 + 12 * grain / grain.std(), 0, 255)
    return np.rint(grey)[..., None].repeat(3, axis=-1).astype(np.uint8)


def measure(reference: np.ndarray, video: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Every texture metric by name."""
    nets = MetricNets(torch.nn.Identity(), {SEEDED: SeededFeatures()}, torch.device("cpu"))
    places = np.tile([[36.0, 0.0, SIZE / 2], [0.0, 36.0, SIZE / 3]], (FRAMES, 1, 1))
    clip = SimpleNamespace(face_places=places)
    chunks = [ChunkFrames(frames, 0, 0, clip, nets, {}) for frames in (reference, video)]  # type: ignore[arg-type]
    if video is reference:
        chunks[1] = chunks[0]
    values = {}
    for metric in METRICS:
        try:
            values[metric.name] = metric.value(metric.measure.of_chunk(FrameChunk(*chunks, masks, None)))
        except NotMeasurable as reason:
            values[metric.name] = str(reason)
    return values


def names(metric: str) -> list[str]:
    return [metric, *(f"{metric}_{area}" for area in ("face", "mouth_area", *REGIONS))]


def test_the_truth_keeps_all_of_its_texture(truth, masks):
    for video in (truth, truth.copy()):
        found = measure(truth, video, masks)
        assert set(found) == {name for metric in ("gradient_kept", "gradient_correlation", "detail_seeded")
                              for name in names(metric)}  # fmt: skip
        for name in names("gradient_kept") + names("gradient_correlation"):
            assert found[name] == pytest.approx(1.0, abs=1e-12), name
        assert all(found[name] == 0.0 for name in names("detail_seeded"))


def test_a_blurred_truth_has_lost_it(truth, masks):
    blurred = ndimage.gaussian_filter(truth.astype(float), (0, 2, 2, 0)).round().astype(np.uint8)
    found, slight = (
        measure(truth, blurred, masks),
        measure(truth, ndimage.gaussian_filter(truth.astype(float), (0, 0.5, 0.5, 0)).round().astype(np.uint8), masks),
    )
    for area in ("", *(f"_{region}" for region in ("face", "mouth_area", *REGIONS))):
        assert found[f"gradient_kept{area}"] < 0.1
        assert found[f"gradient_correlation{area}"] < 0.6 < slight[f"gradient_correlation{area}"]
        assert found[f"detail_seeded{area}"] > 0.4 > 2 * slight[f"detail_seeded{area}"]


def test_noise_keeps_energy_and_loses_correlation(truth, masks):
    other = np.roll(truth, SIZE // 3, axis=(1, 2))
    noisy = np.clip(truth + np.random.default_rng(2).normal(0, 12, truth.shape[:3])[..., None], 0, 255).astype(np.uint8)
    for area in names(""):
        kept, correlation, distance = (
            f"{name}{area}" for name in ("gradient_kept", "gradient_correlation", "detail_seeded")
        )
        found = measure(truth, other, masks)
        assert found[kept] == pytest.approx(1.0, abs=0.35)
        assert abs(found[correlation]) < 0.35
        assert found[distance] > 0.4
        found = measure(truth, noisy, masks)
        assert found[kept] > 1.5
        assert found[correlation] < 0.8
        assert found[distance] > 0.15
    assert measure(truth, np.full_like(truth, 90), masks)["gradient_correlation_skin"] == 0.0


def test_what_is_wrong_in_one_region_counts_there(truth, masks):
    video = truth.copy()
    video[masks == MOUTH] = 60
    found = measure(truth, video, masks)
    assert found["gradient_kept_mouth"] < 0.1 + 40 * 20 / 40  # the edge of the flat patch is all there is
    assert found["gradient_correlation_mouth"] < 0.5
    assert found["gradient_kept_skin"] == found["gradient_kept_hair"] == found["gradient_correlation_eyes"] == 1.0
    assert found["detail_seeded_mouth"] > 0.4
    assert found["detail_seeded_eyes"] == 0.0


def test_gradients_are_differences_of_neighbours(truth):
    luma = truth[..., 0].astype(np.float64)
    found = texture.gradients(luma)
    np.testing.assert_array_equal(found[..., 0], np.diff(luma, axis=2)[:, :-1])
    np.testing.assert_array_equal(found[..., 1], np.diff(luma, axis=1)[:, :, :-1])
    areas = Areas(np.random.default_rng(0).random((2, FRAMES, SIZE - 1, SIZE - 1)) < 0.5)
    expected = [[(found[t][mask[t]] ** 2).sum() for mask in areas.masks.astype(bool)] for t in range(FRAMES)]
    np.testing.assert_allclose(texture.gradient_sums(found, found, areas), expected, rtol=1e-6)


def test_large_regions_are_measured_away_from_their_edge(masks):
    found = dict(zip(REGIONS, texture.region_areas(masks), strict=True))
    for region in REGIONS:
        inside = masks == REGION_INDEX[region]
        if region in ("skin", "hair"):
            # an edge of the frame is none of the region
            padded = np.pad(inside, ((0, 0), (2, 2), (2, 2)), constant_values=True)
            inside = ndimage.binary_erosion(padded, np.ones((1, 5, 5)), border_value=1)[:, 2:-2, 2:-2]
        np.testing.assert_array_equal(found[region].astype(bool), inside)


def test_a_region_that_is_not_there_has_no_number(truth, masks):
    closed = np.where(masks == MOUTH, LIP, masks).astype(np.uint8)
    found = measure(truth, truth.copy(), closed)
    assert found["gradient_kept_mouth"] == found["gradient_correlation_mouth"] == "the reference has no texture there"
    assert found["detail_seeded_mouth"] == "the reference has nothing of it"


def test_the_rounding_of_a_smooth_cheek_is_little_detail(masks):
    ramp = np.linspace(60, 200, SIZE)[None, None, :, None] + np.zeros((FRAMES, SIZE, 1, 3))
    smooth, shifted = (np.rint(values).astype(np.uint8) for values in (ramp, ramp + 0.5))
    assert measure(smooth, shifted, masks)["detail_seeded_skin"] < 0.12


def test_detail_is_what_a_gaussian_takes_away(truth):
    luma = truth[..., 0].astype(np.float64)
    expected = luma - ndimage.gaussian_filter(luma, (0, 2, 2), truncate=3.0, mode="mirror")
    np.testing.assert_allclose(texture.luma_detail(luma), expected, atol=1e-3)

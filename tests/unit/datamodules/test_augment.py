"""Image and mask are changed alike, and by no more than asked."""

import numpy as np
import pytest

from datamodules import augment
from segtalker.regions import LIP, MOUTH, PALETTE, REGION_INDEX

STILL = augment.Augmentation(flip=0.0, rotation_deg=0.0, scale=0.0, shift=0.0, colour=0.0, blur=0.0)
LIVELY = augment.Augmentation(flip=0.5, rotation_deg=20.0, scale=0.2, shift=0.1, colour=0.3, blur=0.5)


def test_nothing_asked_is_nothing_done(faces) -> None:
    image, labels = faces.read(0, 1)
    rng = np.random.default_rng(0)
    affine = augment.random_affine(rng, 32, STILL)
    warped, warped_labels = augment.warp(image, labels, affine)
    np.testing.assert_array_equal(warped, image)
    np.testing.assert_array_equal(warped_labels, labels)
    unit = augment.to_unit(image)
    np.testing.assert_allclose(augment.recolour(unit, augment.random_colours(rng, 0.0)), unit, atol=1e-6)
    assert augment.degrade(rng, unit, 0.0) is unit


@pytest.mark.parametrize("seed", range(5))
def test_image_and_mask_move_together(faces, seed: int) -> None:
    """Each frame is painted in its regions' colours, so the warped image tells the warped mask."""
    image, labels = faces.read(1, 3)
    affine = augment.random_affine(np.random.default_rng(seed), 32, LIVELY)
    warped, warped_labels = augment.warp(image, labels, affine)
    distance = np.abs(warped[..., None, :].astype(int) - PALETTE.astype(int)).sum(-1)
    assert (distance.argmin(-1) == warped_labels).mean() > 0.85
    assert (warped_labels != labels).any()


def _heights(labels: np.ndarray) -> tuple[int, int]:
    rows = np.nonzero(np.isin(labels, (LIP, MOUTH)).any(1))[0]
    return len(rows), int(rows.mean().round())


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.3, 1.8])
def test_a_mouth_grows_by_its_factor_where_it_is_and_the_far_face_rests(factor: float) -> None:
    y, x = np.mgrid[:128, :128]
    labels = np.full((128, 128), REGION_INDEX["skin"], np.uint8)
    ellipse = ((x - 60) / 20) ** 2 + ((y - 80) / 10) ** 2
    labels[ellipse < 1.0], labels[ellipse < 0.4] = LIP, MOUTH
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    bend = augment.mouth_stretch(labels, factor)
    assert (np.diff(bend[1], axis=0) > 0).all()  # nothing folds
    bent, bent_labels = augment.warp(image, labels, np.eye(2, 3), bend)
    height, middle = _heights(bent_labels)
    assert abs(height - factor * _heights(labels)[0]) <= 2
    assert abs(middle - 80) <= 1
    np.testing.assert_array_equal(bent[:30], image[:30])
    np.testing.assert_array_equal(bent[:, :20], image[:, :20])


def test_a_face_without_a_mouth_is_not_bent(faces) -> None:
    image, labels = faces.read(0, 1)
    labels = np.zeros_like(labels)
    bent, _ = augment.warp(image, labels, np.eye(2, 3), augment.mouth_stretch(labels, 2.0))
    np.testing.assert_array_equal(bent, image)


def test_a_flip_mirrors_exactly(faces) -> None:
    image, labels = faces.read(2, 2)
    mirror = augment.Augmentation(flip=1.0, rotation_deg=0.0, scale=0.0, shift=0.0, colour=0.0, blur=0.0)
    warped, warped_labels = augment.warp(image, labels, augment.random_affine(np.random.default_rng(0), 32, mirror))
    np.testing.assert_array_equal(warped, image[:, ::-1])
    np.testing.assert_array_equal(warped_labels, labels[:, ::-1])


def test_composed_maps_equal_one_after_the_other() -> None:
    rng = np.random.default_rng(3)
    first, then = (augment.random_affine(rng, 32, LIVELY) for _ in range(2))
    point = np.array([5.0, 9.0])
    once = then[:, :2] @ (first[:, :2] @ point + first[:, 2]) + then[:, 2]
    both = augment.compose(first, then)
    np.testing.assert_allclose(both[:, :2] @ point + both[:, 2], once)


def test_colours_stay_in_range(faces) -> None:
    unit = augment.to_unit(faces.read(0, 0)[0])
    for seed in range(10):
        changed = augment.recolour(unit, augment.random_colours(np.random.default_rng(seed), 0.5))
        assert changed.dtype == np.float32
        assert np.abs(changed).max() <= 1.0

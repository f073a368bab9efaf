"""The mouth box follows the head, ignores the mouth, and gives back what it cut out."""

import cv2
import numpy as np
import pytest
import torch

from segtalker.faces.mouth_box import (
    box_transforms,
    extract_boxes,
    face_box_transforms,
    face_pixels,
    face_transforms,
    hidden_area,
    hidden_pixels,
    hidden_share,
    hidden_slices,
    mouth_area,
    mouth_of_face,
    mouth_slices,
    paste_faces,
    paste_regions,
    reference_frame,
)
from segtalker.regions import LIP, MOUTH, NUM_REGIONS, REGION_INDEX

SIZE = (64, 96)
SPEECH_POINTS = [*range(17), *range(48, 68)]


def _landmarks(frames: int, seed: int = 0) -> np.ndarray:
    """A wandering face, 36 px between the eyes, in a 128 px image."""
    rng = np.random.default_rng(seed)
    face = np.zeros((68, 2))
    for corner, x in ((36, -0.72), (39, -0.28), (42, 0.28), (45, 0.72)):
        face[corner] = (x, 0.0)
    face[31:36] = np.column_stack((np.linspace(-0.2, 0.2, 5), np.full(5, 0.7)))
    face[48:] = (0.0, 1.15)
    drift = np.cumsum(rng.normal(0, 0.5, (frames, 1, 2)), axis=0)
    return (face * 36 + (64, 46) + drift).astype(np.float32)


def _masks(landmarks: np.ndarray, openings: np.ndarray) -> np.ndarray:
    """Skin, lips and an open mouth below the nose."""
    masks = np.zeros((len(landmarks), 128, 128), np.uint8)
    for mask, points, opening in zip(masks, landmarks, openings, strict=True):
        x, y = (float(value) for value in points[48])
        cv2.ellipse(mask, ((x, y - 12), (80, 110), 0), REGION_INDEX["skin"], -1)
        cv2.ellipse(mask, ((x, y), (28, 8 + opening), 0), LIP, -1)
        if opening > 0:
            cv2.ellipse(mask, ((x, y), (22, opening), 0), MOUTH, -1)
    return masks


@pytest.mark.parametrize(("angle", "scale"), [(0.0, 1.0), (0.3, 1.7), (-1.0, 0.4)])
def test_transforms_move_with_the_head(angle: float, scale: float) -> None:
    landmarks = _landmarks(6).astype(np.float64)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = box_transforms(landmarks @ turn.T + (5, -3), SIZE, smooth_frames=3)
    expected = turn @ box_transforms(landmarks, SIZE, smooth_frames=3)
    expected[:, :, 2] += (5, -3)
    np.testing.assert_allclose(moved, expected, atol=1e-9)


def test_speech_and_blinks_do_not_move_the_box() -> None:
    landmarks = _landmarks(6)
    talking = landmarks.copy()
    talking[:, SPEECH_POINTS] += np.random.default_rng(1).normal(0, 9, (6, len(SPEECH_POINTS), 2))
    talking[:, [37, 38, 40, 41, 43, 44, 46, 47], 1] += 4
    expected = box_transforms(landmarks, SIZE, smooth_frames=5)
    np.testing.assert_array_equal(box_transforms(talking, SIZE, smooth_frames=5), expected)


def test_smoothing_keeps_a_steady_motion_and_calms_a_tremor() -> None:
    steady = _landmarks(1) + np.arange(20)[:, None, None] * np.float32(0.5)
    raw = box_transforms(steady, SIZE, smooth_frames=1)
    np.testing.assert_allclose(box_transforms(steady, SIZE, smooth_frames=5), raw, atol=1e-5)
    tremor = steady + np.random.default_rng(2).normal(0, 1, (20, 1, 2))
    path = [box_transforms(tremor, SIZE, smooth_frames=count)[:, :, 2] for count in (1, 5)]
    shaking = [np.abs(np.diff(points, 2, axis=0)).mean() for points in path]
    assert shaking[1] < 0.5 * shaking[0]


def test_boxes_are_those_of_opencv() -> None:
    landmarks = _landmarks(4)
    transforms = box_transforms(landmarks, SIZE, smooth_frames=1)
    masks = _masks(landmarks, np.full(4, 10.0))
    colours = np.random.default_rng(3).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    images = np.stack([cv2.resize(colour, (128, 128), interpolation=cv2.INTER_CUBIC) for colour in colours])
    inverse, border = cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    for index, transform in enumerate(transforms):
        nearest = cv2.warpAffine(
            masks[index], transform, SIZE[::-1], flags=cv2.INTER_NEAREST | inverse, borderMode=border
        )
        linear = cv2.warpAffine(
            images[index], transform, SIZE[::-1], flags=cv2.INTER_LINEAR | inverse, borderMode=border
        )
        own = extract_boxes(masks, transforms, SIZE)[index], extract_boxes(images, transforms, SIZE)[index]
        # OpenCV rounds coordinates to 1/32 px
        assert (own[0] != nearest).mean() < 0.01
        assert np.abs(own[1].astype(int) - linear).mean() < 1.5


def _logits(boxes: np.ndarray) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.from_numpy(boxes).long(), NUM_REGIONS).movedim(-1, 1).float()


@pytest.mark.parametrize("size", [(64, 96), (128, 192)])
def test_pasting_what_was_cut_out_restores_the_mask(size: tuple[int, int]) -> None:
    landmarks = _landmarks(8)
    masks = _masks(landmarks, np.linspace(0, 16, 8))
    transforms = box_transforms(landmarks, size, smooth_frames=5)
    restored = paste_regions(masks, _logits(extract_boxes(masks, transforms, size)), transforms)
    for region in (LIP, MOUTH):
        intersection = ((masks == region) & (restored == region)).sum()
        assert intersection / ((masks == region) | (restored == region)).sum() > 0.9


def test_pasting_reads_nothing_from_the_hidden_area_and_leaves_the_rest() -> None:
    landmarks = _landmarks(5)
    masks = _masks(landmarks, np.linspace(0, 12, 5))
    transforms = box_transforms(landmarks, SIZE, smooth_frames=5)
    fill = torch.zeros(5, NUM_REGIONS, *SIZE)
    fill[:, REGION_INDEX["hair"]] = 1.0
    pasted = paste_regions(masks, fill, transforms)
    hidden = pasted == REGION_INDEX["hair"]
    assert not np.isin(pasted, (LIP, MOUTH)).any()
    np.testing.assert_array_equal(pasted[~hidden], masks[~hidden])
    scrambled = np.where(hidden, np.uint8(3), masks)
    np.testing.assert_array_equal(paste_regions(scrambled, fill, transforms), pasted)


def test_the_mouth_part_lies_in_the_hidden_area_and_holds_the_mouth() -> None:
    landmarks = _landmarks(8)
    boxes = extract_boxes(_masks(landmarks, np.linspace(0, 12, 8)), box_transforms(landmarks, SIZE, 1), SIZE)
    mouth = np.isin(boxes, (LIP, MOUTH))
    assert mouth[:, *mouth_slices(SIZE)].sum() > 0.97 * mouth.sum()
    for part, hidden in zip(mouth_slices(SIZE), hidden_slices(SIZE), strict=True):
        assert hidden.start <= part.start < part.stop <= hidden.stop


def test_hidden_area_scales_with_the_box() -> None:
    small, large = hidden_area((64, 96)), hidden_area((256, 384))
    assert abs(small.mean() - large.mean()) < 0.02
    assert not small[:4].any()


def _pictures(frames: int, seed: int = 3) -> np.ndarray:
    """Smooth colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (frames, 12, 12, 3), dtype=np.uint8)
    return np.stack([cv2.resize(colour, (128, 128), interpolation=cv2.INTER_CUBIC) for colour in colours])


def _faces(images: np.ndarray, transforms: np.ndarray, side: int) -> torch.Tensor:
    boxes = extract_boxes(images, transforms, (side, side))
    return torch.from_numpy(boxes).movedim(-1, 1).float() / 255


@pytest.mark.parametrize(("size", "side"), [((64, 96), 96), ((32, 48), 24), ((48, 48), 96), ((64, 80), 192)])
def test_the_mouth_box_is_a_fixed_part_of_the_face_box(size: tuple[int, int], side: int) -> None:
    landmarks, images = _landmarks(4), _pictures(4)
    faces = _faces(images, face_box_transforms(landmarks, (side, side), 5), side)
    direct = extract_boxes(images, box_transforms(landmarks, size, 5), size)
    within = (mouth_of_face(faces, size) * 255).movedim(1, -1).numpy()
    assert np.abs(within - direct).mean() < (3 if side > 24 else 8)
    assert np.abs(within - direct[:, ::-1]).mean() > 20


def test_the_mouth_in_a_face_tells_the_face_how_to_change() -> None:
    faces = torch.rand(2, 3, 96, 96, requires_grad=True)
    mouth_of_face(faces, SIZE).square().sum().backward()
    assert faces.grad is not None
    reached = faces.grad.abs().sum(dim=(0, 1)) > 0
    assert not reached[:47].any()
    assert reached[49:95, 13:83].all()


def test_the_mouth_area_of_a_face_is_that_of_the_mouth_box() -> None:
    seen = mouth_of_face(mouth_area(96)[None], SIZE)[0, 0] > 0.5
    expected = torch.zeros(SIZE, dtype=torch.bool)
    expected[mouth_slices(SIZE)] = True
    assert (seen != expected).float().mean() < 0.03


def test_all_that_is_hidden_lies_in_the_lower_half_of_the_face() -> None:
    landmarks = _landmarks(5)
    fill = torch.zeros(5, NUM_REGIONS, *SIZE)
    fill[:, LIP] = 1.0
    hidden = paste_regions(np.zeros((5, 128, 128), np.uint8), fill, box_transforms(landmarks, SIZE, 5)) == LIP
    faces = extract_boxes(hidden.astype(np.uint8), face_box_transforms(landmarks, (96, 96), 5), (96, 96))
    assert not faces[:, :48].any()
    assert faces[:, 48:].mean() > 0.4
    assert not faces[:, :, [0, -1]].any()
    assert not faces[:, -1].any()


def test_a_face_laid_back_where_it_was_cut_out_changes_nothing_much() -> None:
    landmarks, images = _landmarks(3), _pictures(3)
    transforms = face_box_transforms(landmarks, (96, 96), 5)
    laid = paste_faces(images, _faces(images, transforms, 96), transforms, fade=4)
    assert np.abs(laid.astype(int) - images).mean() < 1.5


@pytest.mark.parametrize("fade", [0, 4, 12])
def test_a_face_fades_into_the_frame_and_leaves_what_is_around(fade: int) -> None:
    landmarks = _landmarks(2)
    transforms = face_box_transforms(landmarks, (96, 96), 1)
    black = np.zeros((2, 128, 128, 3), np.uint8)
    laid = paste_faces(black, torch.ones(2, 3, 96, 96), transforms, fade)
    box = extract_boxes(laid, transforms, (96, 96))[..., 0].astype(int)
    inner = slice(fade + 2, 94 - fade)
    assert (box[:, inner, inner] >= 253).all()
    profile = box[0, 48, : fade + 3]
    assert (np.diff(profile) >= 0).all()
    if fade:
        assert profile[0] < 0.6 * 255
        assert len(set(profile.tolist())) > fade / 2
    else:
        assert profile[1] > 250
    area = 96**2 * np.linalg.det(transforms[0, :, :2])
    assert (laid[0, ..., 0] > 0).sum() < 1.1 * area


def test_reference_frame_is_the_widest_open_mouth_for_the_size_of_the_face() -> None:
    landmarks = _landmarks(5)
    masks = _masks(landmarks, np.array([0.0, 9.0, 15.0, 4.0, 0.0]))
    assert reference_frame(masks, landmarks) == 2
    nearer = landmarks.copy()
    nearer[2] = (nearer[2] - 64) * 2 + 64
    assert reference_frame(masks, nearer) == 1


def test_reference_frame_without_mouth_pixels_goes_by_the_lips() -> None:
    landmarks = _landmarks(4)
    landmarks[3, [65, 66, 67], 1] += 6
    assert reference_frame(np.zeros((4, 128, 128), np.uint8), landmarks) == 3


def _pasted(landmarks: np.ndarray) -> np.ndarray:
    """Where the box of scores replaces masks, `(T, H, W)`, bool."""
    logits = torch.zeros(len(landmarks), NUM_REGIONS, *SIZE)
    logits[:, LIP] = 1.0
    return paste_regions(np.zeros((len(landmarks), 128, 128), np.uint8), logits, box_transforms(landmarks, SIZE, 3)) > 0


_SHIFTS = [(0, 0), (50, -20), (-70, 40), (0, 90), (400, 0)]  # px: heads within the image, in part and not at all


@pytest.mark.parametrize("shift", _SHIFTS)
def test_hidden_pixels_are_those_that_a_talking_mask_replaces(shift: tuple[int, int]) -> None:
    landmarks = (_landmarks(4) + shift).astype(np.float32)
    found, pasted = hidden_pixels(face_transforms(landmarks, 3), (128, 128)), _pasted(landmarks)
    wrong = found != pasted
    edge = np.stack([cv2.dilate(mask.view(np.uint8), np.ones((3, 3))) - cv2.erode(mask.view(np.uint8), np.ones((3, 3)))
                     for mask in pasted])  # fmt: skip
    assert pasted.mean() > 0.1 or shift != (0, 0)
    assert not (wrong & (edge == 0)).any()  # the box's pixels are no smaller than the image's
    assert wrong.mean() < 0.02


@pytest.mark.parametrize("shift", _SHIFTS)
def test_face_pixels_are_those_that_a_face_box_covers(shift: tuple[int, int]) -> None:
    landmarks = (_landmarks(4) + shift).astype(np.float32)
    faces = torch.ones(4, 3, 48, 48)
    covered = paste_faces(np.zeros((4, 128, 128, 3), np.uint8), faces, face_box_transforms(landmarks, (48, 48), 3), 0)
    found = face_pixels(face_transforms(landmarks, 3), (128, 128))
    assert 0.3 < found.mean() < 1.0 or shift != (0, 0)
    wrong = found != (covered[..., 0] > 127)
    assert wrong.sum(axis=(1, 2)).max() <= 4  # at the corners, where sampling rounds the box


def test_the_share_of_the_hidden_area_fades_over_its_edge() -> None:
    places = face_transforms(_landmarks(3), 1)
    scale = np.hypot(places[:, 0, 0], places[:, 1, 0])
    share, inside = hidden_share(places, (128, 128), 0.25), hidden_pixels(places, (128, 128))
    assert (share[inside] == 1.0).all()
    for number in range(3):
        # in an upright face the way out of the rectangle is that of a chessboard
        away = cv2.distanceTransform((~inside[number]).view(np.uint8), cv2.DIST_C, 3) / scale[number]
        assert (share[number][away > 0.25 + 1 / scale[number]] == 0.0).all()
        np.testing.assert_allclose(share[number], (1 - away / 0.25).clip(0, 1), atol=1.0 / 0.25 / scale[number])

"""The mouth box: the lower face in one upright, scaled frame, found without looking at the mouth.

A similarity transform is fitted to both eyes and the nose base, which do not move with speech, so neither the box
nor the area hidden in it tells how far the mouth is open. Face coordinates: the distance between the eye centres
is 1, their middle is (0, 0), x points to the viewer's right, y down. The box keeps clear of the nose tip and
reaches below the chin of an open mouth; its two edges lie on the same ratio for every resolution.

The face box, for networks that paint whole faces, is twice as high, from the forehead down, and stretched to a square
of pixels. Its lower half is level with the mouth box, so that the mouth box is a fixed part of it and all that the
mouth box hides lies in its lower half.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from segtalker.nets.tensors import best_regions
from segtalker.regions import MOUTH

_RIGHT_EYE = (36, 39)
_LEFT_EYE = (42, 45)
_NOSE_BASE = (31, 32, 33, 34, 35)
_ANCHORS = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, 0.70)])
_CENTRE_Y = 1.40
_BOX_HEIGHT = 1.50
_FACE_WIDTH, _FACE_HEIGHT = 2.25, 2 * _BOX_HEIGHT
_FACE_CENTRE_Y = _CENTRE_Y - _BOX_HEIGHT / 2
_HIDDEN_X = 0.98
_HIDDEN_Y = (0.82, 2.12)
_MOUTH_X = 0.75
_MOUTH_Y = (0.92, 2.06)
_INNER_LIP = ((61, 67), (62, 66), (63, 65))


def _anchor_points(landmarks: np.ndarray) -> np.ndarray:
    """Eye centres (from the corners: a blink does not move them) and nose base, `(T, 3, 2)`."""
    groups = (_RIGHT_EYE, _LEFT_EYE, _NOSE_BASE)
    return np.stack([landmarks[:, list(group)].mean(axis=1) for group in groups], axis=1).astype(np.float64)


def _smooth(points: np.ndarray, frames: int) -> np.ndarray:
    """Centred moving average over time that shortens symmetrically at both ends."""
    count = len(points)
    total = np.concatenate([np.zeros((1, *points.shape[1:])), np.cumsum(points, axis=0)])
    index = np.arange(count)
    reach = np.minimum(np.minimum(index, count - 1 - index), frames // 2)
    first, last = index - reach, index + reach + 1
    return (total[last] - total[first]) / (last - first).reshape(-1, *[1] * (points.ndim - 1))


def _similarities(points: np.ndarray) -> np.ndarray:
    """Least-squares similarity from face coordinates to `points`, `(T, 3, 2)` -> `(T, 2, 3)`.

    Written with complex numbers, z -> a z + b, where the best `a` is a ratio of sums (Umeyama in the plane).
    """
    face = _ANCHORS[:, 0] + 1j * _ANCHORS[:, 1]
    image = points[..., 0] + 1j * points[..., 1]
    face_mean, image_mean = face.mean(), image.mean(axis=1, keepdims=True)
    face_offsets = face - face_mean
    a = ((image - image_mean) * face_offsets.conj()).sum(axis=1) / (abs(face_offsets) ** 2).sum()
    b = image_mean[:, 0] - a * face_mean
    rows = [np.stack([a.real, -a.imag, b.real], axis=-1), np.stack([a.imag, a.real, b.imag], axis=-1)]
    return np.stack(rows, axis=1)


def face_transforms(landmarks: np.ndarray, smooth_frames: int) -> np.ndarray:
    """Where the face of each frame lies.

    Args:
        landmarks: `(T, 68, 2)`, float, (x, y) pixels of the image.
        smooth_frames: length of a moving average over time; 1 for none.

    Returns:
        Similarities from face coordinates (x, y, 1) to image pixels, `(T, 2, 3)`, float64.
    """
    assert landmarks.shape[1:] == (68, 2), landmarks.shape
    return _similarities(_smooth(_anchor_points(landmarks), smooth_frames))


def _upright(
    landmarks: np.ndarray, size: Sequence[int], smooth_frames: int, units: tuple[float, float], centre_y: float
) -> np.ndarray:
    """Maps from pixels of an upright box to image pixels; a pixel is as wide and as high as `units` say."""
    (height, width), (x_unit, y_unit) = size, units
    box_to_face = np.array(
        [
            [x_unit, 0.0, -x_unit * (width - 1) / 2],
            [0.0, y_unit, centre_y - y_unit * (height - 1) / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    return face_transforms(landmarks, smooth_frames) @ box_to_face


def box_transforms(landmarks: np.ndarray, size: Sequence[int], smooth_frames: int) -> np.ndarray:
    """Where the box of each frame lies.

    Args:
        landmarks: `(T, 68, 2)`, float, (x, y) pixels of the image.
        size: height and width of the box in its own pixels.
        smooth_frames: length of a moving average over time; 1 for none.

    Returns:
        Affine maps from box pixels (x, y, 1) to image pixels, `(T, 2, 3)`, float64; integer coordinates are
        pixel centres on both sides.
    """
    unit = _BOX_HEIGHT / size[0]
    return _upright(landmarks, size, smooth_frames, (unit, unit), _CENTRE_Y)


def face_box_transforms(landmarks: np.ndarray, size: Sequence[int], smooth_frames: int) -> np.ndarray:
    """Where the face box of each frame lies, see `box_transforms`; whatever its `size`, it covers the same area."""
    units = (_FACE_WIDTH / size[1], _FACE_HEIGHT / size[0])
    return _upright(landmarks, size, smooth_frames, units, _FACE_CENTRE_Y)


def mouth_of_face(faces: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """The mouth box inside of face boxes; gradients flow through.

    Args:
        faces: `(B, C, S, S)`, float32.
        size: height and width of the mouth box in pixels.

    Returns:
        `(B, C, h, w)`, sampled bilinearly.
    """
    wide, high = _BOX_HEIGHT * size[1] / size[0] / _FACE_WIDTH, _BOX_HEIGHT / _FACE_HEIGHT
    down = (_CENTRE_Y - _FACE_CENTRE_Y) / (_FACE_HEIGHT / 2)
    place = faces.new_tensor([[wide, 0.0, 0.0], [0.0, high, down]]).expand(len(faces), -1, -1)
    grid = F.affine_grid(place, [len(faces), faces.shape[1], *size], align_corners=False)
    return F.grid_sample(faces, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _part(size: Sequence[int], x_limits: tuple[float, float], y_limits: tuple[float, float]) -> tuple[slice, slice]:
    """Rows and columns of the box whose centres lie within limits in face coordinates."""
    height, width = size
    unit = _BOX_HEIGHT / height
    x = (np.arange(width) - (width - 1) / 2) * unit
    y = _CENTRE_Y + (np.arange(height) - (height - 1) / 2) * unit
    rows = np.flatnonzero((y > y_limits[0]) & (y < y_limits[1]))
    columns = np.flatnonzero((x > x_limits[0]) & (x < x_limits[1]))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def hidden_slices(size: Sequence[int]) -> tuple[slice, slice]:
    """Rows and columns of the box where a pose source is hidden: mouth, chin and the jaw that moves with them.

    Args:
        size: height and width of the box in pixels.
    """
    return _part(size, (-_HIDDEN_X, _HIDDEN_X), _HIDDEN_Y)


def mouth_slices(size: Sequence[int]) -> tuple[slice, slice]:
    """Rows and columns of the box that hold the mouth, at rest or wide open, and little else."""
    return _part(size, (-_MOUTH_X, _MOUTH_X), _MOUTH_Y)


def hidden_area(size: Sequence[int]) -> np.ndarray:
    """The same as a map, `(h, w)`, bool, True where hidden."""
    area = np.zeros(tuple(size), dtype=bool)
    area[hidden_slices(size)] = True
    return area


_Part = tuple[slice, slice]  # rows and columns of an image


def _sampling_grid(
    transforms: np.ndarray, out_size: Sequence[int], in_size: Sequence[int], part: _Part = (slice(None), slice(None))
) -> torch.Tensor:
    """`grid_sample` coordinates of affine maps from a part of the output's pixels to input pixels: `(T, h, w, 2)`."""
    rows, columns = (np.arange(side, dtype=np.float64)[own] for side, own in zip(out_size, part, strict=True))
    rows = rows[:, None]
    # centres of pixels of size 2 / side in [-1, 1]
    scales = 2.0 / np.array([in_size[1], in_size[0]])
    across, down, offset = ((part * scales)[..., None, None] for part in np.moveaxis(transforms, 2, 0))
    places = across * columns + (down * rows + (offset + scales[:, None, None] / 2 - 1))  # (T, 2, h, w)
    return torch.from_numpy(places.astype(np.float32).transpose(0, 2, 3, 1).copy())


def extract_boxes(images: np.ndarray, transforms: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Cuts the box out of every frame; beyond the image its border is repeated.

    Args:
        images: region indices `(T, H, W)`, sampled nearest, or RGB `(T, H, W, 3)`, sampled bilinearly; uint8.
        transforms: of the same frames, `(T, 2, 3)`.
        size: height and width of the box in pixels.

    Returns:
        `(T, h, w)` or `(T, h, w, 3)`, uint8.
    """
    grid = _sampling_grid(transforms, size, images.shape[1:3])
    is_labels = images.ndim == 3
    pixels = torch.from_numpy(images)
    planes = pixels[:, None] if is_labels else pixels.movedim(-1, 1)
    mode = "nearest" if is_labels else "bilinear"
    boxes = F.grid_sample(planes.float(), grid, mode=mode, padding_mode="border", align_corners=False)
    boxes = boxes.round_().to(torch.uint8)
    return (boxes[:, 0] if is_labels else boxes.movedim(1, -1).contiguous()).numpy()


def _inverse(transforms: np.ndarray) -> np.ndarray:
    last_row = np.broadcast_to([0.0, 0.0, 1.0], (len(transforms), 1, 3))
    return np.linalg.inv(np.concatenate([transforms, last_row], axis=1))[:, :2]


def _covered_part(transforms: np.ndarray, area: _Part, size: Sequence[int]) -> _Part:
    """The part of the images that an area of their boxes can reach, for no other pixel need be looked at.

    Args:
        transforms: from box pixels to image pixels, `(T, 2, 3)`.
        area: rows and columns of the box.
        size: height and width of the images.
    """
    (top, bottom), (left, right) = ((own.start - 1, own.stop) for own in area)  # a sample reaches one pixel further
    corners = np.array([(x, y, 1) for x in (left, right) for y in (top, bottom)], dtype=np.float64)
    places = transforms @ corners.T  # (T, 2, 4)
    first = np.floor(places.min(axis=(0, 2))).astype(int).clip(min=0)
    last = np.ceil(places.max(axis=(0, 2))).astype(int) + 1
    return slice(first[1], max(first[1], min(size[0], last[1]))), slice(first[0], max(first[0], min(size[1], last[0])))


def paste_regions(masks: np.ndarray, logits: torch.Tensor, transforms: np.ndarray) -> np.ndarray:
    """Replaces the hidden area of every frame by what a network says of it.

    The scores are interpolated and the best region taken at each image pixel, so edges stay smooth at any size.

    Args:
        masks: region indices, `(T, H, W)`, uint8; their hidden area is not read.
        logits: scores of the regions in the box, `(T, K, h, w)`, float32.
        transforms: of the same frames, `(T, 2, 3)`.

    Returns:
        Region indices, `(T, H, W)`, uint8.
    """
    size = logits.shape[2:]
    hidden_areas = torch.from_numpy(hidden_area(size)).to(logits).expand(len(logits), 1, -1, -1)
    part = _covered_part(transforms, hidden_slices(size), masks.shape[1:])
    grid = _sampling_grid(_inverse(transforms), masks.shape[1:], size, part).to(logits.device)
    inside = F.grid_sample(hidden_areas, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[:, 0] > 0.5
    scores = F.grid_sample(logits, grid, mode="bilinear", padding_mode="border", align_corners=False)
    pasted_masks, here = masks.copy(), (slice(None), *part)
    pasted_masks[here] = np.where(inside.cpu().numpy(), best_regions(scores).cpu().numpy(), masks[here])
    return pasted_masks


def mouth_area(side: int) -> torch.Tensor:
    """Where a face box of `side` pixels holds the mouth, see `mouth_slices`: `(1, S, S)`, float32 in {0, 1}."""
    steps = (torch.arange(side) - (side - 1) / 2) / side
    x, y = steps * _FACE_WIDTH, _FACE_CENTRE_Y + steps * _FACE_HEIGHT
    rows, columns = ((at > low) & (at < high) for at, (low, high) in ((y, _MOUTH_Y), (x, (-_MOUTH_X, _MOUTH_X))))
    return (rows[:, None] & columns)[None].float()


def paste_faces(frames: np.ndarray, faces: torch.Tensor, transforms: np.ndarray, fade: int) -> np.ndarray:
    """Lays face boxes back over the frames they come from.

    Args:
        frames: RGB, `(T, H, W, 3)`, uint8.
        faces: RGB, `(T, 3, S, S)`, float32 in [0, 1].
        transforms: of the same frames, `(T, 2, 3)`, see `face_box_transforms`.
        fade: pixels of the box from its edge to where it hides the frame; 0 cuts hard.

    Returns:
        RGB, `(T, H, W, 3)`, uint8.
    """
    size, device = faces.shape[2:], faces.device
    ramps = [torch.minimum(steps, steps.flip(0)) for steps in (torch.arange(side, device=device) + 1 for side in size)]
    share = (torch.minimum(ramps[0][:, None], ramps[1]) / (fade + 1)).clamp(max=1.0).expand(len(faces), 1, -1, -1)
    part = _covered_part(transforms, (slice(0, size[0]), slice(0, size[1])), frames.shape[1:3])
    grid = _sampling_grid(_inverse(transforms), frames.shape[1:3], size, part).to(device)
    inside = F.grid_sample(share, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    warped_faces = F.grid_sample(faces, grid, mode="bilinear", padding_mode="border", align_corners=False)
    pasted_frames, here = frames.copy(), (slice(None), *part)
    behind = torch.from_numpy(frames[here]).to(device).movedim(-1, 1).float()
    blended_frames = torch.lerp(behind, warped_faces * 255.0, inside).clamp(0.0, 255.0)
    pasted_frames[here] = blended_frames.round().to(torch.uint8).movedim(1, -1).cpu().numpy()
    return pasted_frames


def _outside(
    places: np.ndarray, size: Sequence[int], x_limits: tuple[float, float], y_limits: tuple[float, float]
) -> np.ndarray:
    """How far pixels lie outside an upright rectangle in face coordinates, along x or y: `(T, H, W)`, float32.

    At most 0 inside.
    """
    rows, columns = np.arange(size[0], dtype=np.float32)[:, None], np.arange(size[1], dtype=np.float32)
    distances = []
    for axis, (low, high) in enumerate((x_limits, y_limits)):
        across, down, offset = _inverse(places)[:, axis].astype(np.float32).T[..., None, None]
        position = across * columns + (down * rows + offset)
        distances.append(np.maximum(low - position, position - high))
    return np.maximum(*distances)


def face_pixels(places: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Which pixels lie inside the face box.

    Args:
        places: of the faces, see `face_transforms`, `(T, 2, 3)`.
        size: height and width of the image.

    Returns:
        `(T, H, W)`, bool.
    """
    x, y = _FACE_WIDTH / 2, _FACE_HEIGHT / 2
    return _outside(places, size, (-x, x), (_FACE_CENTRE_Y - y, _FACE_CENTRE_Y + y)) < 0


def hidden_pixels(places: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Which pixels lie inside the area where a pose source is hidden, see `hidden_slices`; as `face_pixels`."""
    return _outside(places, size, (-_HIDDEN_X, _HIDDEN_X), _HIDDEN_Y) < 0


def hidden_share(places: np.ndarray, size: Sequence[int], fade: float) -> np.ndarray:
    """How much of each pixel belongs to the hidden area, with a soft edge around it.

    Args:
        places: of the faces, see `face_transforms`, `(T, 2, 3)`.
        size: height and width of the image.
        fade: from the area's edge to where nothing of it is left, in distances of the eyes; above 0.

    Returns:
        `(T, H, W)`, float32 in [0, 1].
    """
    return (1.0 - _outside(places, size, (-_HIDDEN_X, _HIDDEN_X), _HIDDEN_Y) / fade).clip(0.0, 1.0)


def reference_frame(masks: np.ndarray, landmarks: np.ndarray) -> int:
    """The frame that shows most of a person's mouth: the one open widest, relative to the size of the face.

    Args:
        masks: region indices, `(T, H, W)`, uint8.
        landmarks: `(T, 68, 2)`, float, pixels; they decide where no frame shows the mouth's interior.

    Returns:
        Its index; the first of equals.
    """
    transforms = face_transforms(landmarks, smooth_frames=1)
    pixels_per_unit = np.hypot(transforms[:, 0, 0], transforms[:, 1, 0])
    areas = (masks == MOUTH).sum(axis=(1, 2)) / pixels_per_unit**2
    if areas.max() > 0:
        return int(areas.argmax())
    gaps = [np.linalg.norm(landmarks[:, lower] - landmarks[:, upper], axis=-1) for upper, lower in _INNER_LIP]
    return int((np.sum(gaps, axis=0) / pixels_per_unit).argmax())


_NOWHERE = 255


def hide(regions: torch.Tensor) -> torch.Tensor:
    """Boxes of region indices, `(..., h, w)` uint8, with no region in the hidden area."""
    pose_regions = regions.clone()
    pose_regions[..., *hidden_slices(regions.shape[-2:])] = _NOWHERE
    return pose_regions

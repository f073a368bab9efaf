"""The networks of the face-alignment package: S3FD finds faces, 2DFAN-4 their landmarks (arXiv 1703.07332).

The networks and the cut around a face are the package's; the steps between work on batches. What differs from it:
weights are read from files and never downloaded, nothing is compiled, large frames are made smaller for S3FD, and
points keep their fraction of a pixel, which the package cuts off.
"""

import functools
import itertools
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from segtalker.media.decoders import TimedFrame, whole
from segtalker.utils.errors import SegTalkerError

if TYPE_CHECKING:
    import torch

_FOUND = 0.5  # score of a face, the package's
_OVERLAP = 0.3  # of boxes that are the same face, the package's
LOOK_PX = 640  # longest side S3FD looks at; its time grows with the area, and it finds faces of 16 px
_MIN_FACE_PX, _MAX_FACE = 4.0, 2.0  # smaller boxes, or larger ones in sizes of the frame, are none
_NEAR = 1.0  # how far a face may have gone while it was lost, in its sizes
_BGR_MEANS = (104.0, 117.0, 123.0)
_HEATMAP, _REFERENCE, _UNIT, _LIFT = 64, 195.0, 200.0, 0.12  # how the package cuts a face out
_BATCH = {"cuda": 16, "cpu": 1}  # on a CPU batches are no faster, and larger than its caches


class _Nets(NamedTuple):
    """Both networks, in channels-last layout, on their device."""

    s3fd: "torch.nn.Module"
    fan: "torch.nn.Module"
    device: str


class FaceAlignmentDetector:
    """S3FD and 2DFAN-4, following one face, or the largest to begin with.

    Args:
        s3fd: weights of the face detector.
        fan: weights of the landmark network.

    Raises:
        SegTalkerError: a file holds something else.
    """

    def __init__(self, s3fd: Path, fan: Path) -> None:
        self._nets = _load_nets(s3fd, fan)
        self._middle: np.ndarray | None = None
        self._size = 0.0
        self._faithful = False

    def follow(self, points: np.ndarray) -> None:
        """See `segtalker.faces.detectors.FaceFinder`."""
        low, high = points.min(axis=0), points.max(axis=0)
        self._middle, self._size, self._faithful = (low + high) / 2, float((high - low).max()), True

    def landmarks(self, frame: np.ndarray | TimedFrame) -> np.ndarray | None:
        """See `segtalker.faces.detectors.FaceFinder`."""
        return self.landmarks_batch([frame])[0]

    @property
    def batch_frames(self) -> int:
        """See `segtalker.faces.detectors.FaceFinder`."""
        return _BATCH[self._nets.device]

    def landmarks_batch(self, frames: Sequence[np.ndarray | TimedFrame]) -> list[np.ndarray | None]:
        """See `segtalker.faces.detectors.FaceFinder`."""
        images = [whole(frame) for frame in frames]
        face_boxes = [self._choose(boxes) for boxes in _faces(self._nets, images)]
        face_indices = [index for index, box in enumerate(face_boxes) if box is not None]
        points = iter(
            _points(
                self._nets, [(images[index], box) for index in face_indices if (box := face_boxes[index]) is not None]
            )
        )
        return [None if box is None else next(points) for box in face_boxes]

    def faces(self, frame: np.ndarray) -> list[np.ndarray]:
        """See `segtalker.faces.detectors.FaceFinder`."""
        return _points(self._nets, [(frame, box) for box in _faces(self._nets, [frame])[0]])

    def close(self) -> None:
        """See `segtalker.faces.detectors.Detector`."""

    def _choose(self, boxes: np.ndarray) -> np.ndarray | None:
        """The box of the face that is followed, or the largest; boxes are `(N, 4)`."""
        if not len(boxes):
            return None
        middles, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        if self._middle is None:
            best = int(sizes.prod(axis=1).argmax())
        else:
            distances = np.linalg.norm(middles - self._middle, axis=1)
            best = int(distances.argmin())
            if self._faithful and distances[best] > _NEAR * self._size:
                return None
        self._middle, self._size = middles[best], float(sizes[best].max())
        return boxes[best]


def _faces(nets: _Nets, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Boxes of all faces of each image: left, top, right, bottom in pixels, `(N, 4)`, float64."""
    boxes: list[np.ndarray] = []
    for (height, width, _), alike in itertools.groupby(images, key=lambda image: image.shape):
        scale = min(LOOK_PX / max(height, width), 1.0)
        looked_at = (
            image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            for image in alike
        )
        for batch in _batches(looked_at, nets):
            for candidate_boxes in _candidates(nets, np.stack(batch)):
                boxes.append(_plausible((_distinct(candidate_boxes) + 0.5) / scale - 0.5, height, width))
    return boxes


def _batches(items: Iterator, nets: _Nets) -> Iterator[list]:
    while batch := list(itertools.islice(items, _BATCH[nets.device])):
        yield batch


def _candidates(nets: _Nets, images: np.ndarray) -> list[np.ndarray]:
    """What S3FD takes for a face in each image: box and score, `(N, 5)`, float64.

    Args:
        nets: the networks.
        images: RGB, `(B, H, W, 3)`, uint8.
    """
    import torch

    with torch.inference_mode():
        bgr = torch.from_numpy(images).to(nets.device).flip(-1).float() - torch.tensor(_BGR_MEANS, device=nets.device)
        outputs = nets.s3fd(bgr.permute(0, 3, 1, 2))
        image_boxes = [[np.zeros((0, 5))] for _ in images]
        for level, (scores, offsets) in enumerate(zip(outputs[::2], outputs[1::2], strict=True)):
            stride = 2 ** (level + 2)
            likely = scores.softmax(dim=1)[:, 1]
            frame, row, column = (likely > _FOUND).nonzero(as_tuple=True)
            offset = offsets[frame, :, row, column].double()
            middle = (torch.stack([column, row], dim=1) + 0.5) * stride + offset[:, :2] * 0.1 * 4 * stride
            size = 4 * stride * torch.exp(offset[:, 2:] * 0.2)
            parts = (middle - size / 2, middle + size / 2, likely[frame, row, column].double()[:, None])
            boxes = torch.cat(parts, dim=1).cpu().numpy()
            for index, box in zip(frame.tolist(), boxes, strict=True):
                image_boxes[index].append(box[None])
    return [np.concatenate(parts) for parts in image_boxes]


def _distinct(candidates: np.ndarray) -> np.ndarray:
    """The likeliest box of each face, `(N, 4)`."""
    from face_alignment.detection.sfd.bbox import nms

    return candidates[nms(candidates, _OVERLAP), :4]


def _plausible(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Without boxes that cannot be cut out."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    inside = (boxes[:, :2] < (width, height)).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    right = (sizes >= _MIN_FACE_PX).all(axis=1) & (sizes <= _MAX_FACE * max(height, width)).all(axis=1)
    return boxes[inside & right]


def _points(nets: _Nets, faces: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Landmarks of faces, each an image and a box: `(68, 2)`, float32, integers at pixel centres."""
    from face_alignment.utils import crop

    places = [_place(box) for _, box in faces]
    cuts = (crop(image, middle, scale) for (image, _), (middle, scale) in zip(faces, places, strict=True))
    peaks = [peak for batch in _batches(cuts, nets) for peak in _peaks(_heatmaps(nets, np.stack(batch)))]
    return [
        # from pixels of the heatmap, where k spans k to k + 1
        ((peak / _HEATMAP - 0.5) * _UNIT * scale + middle - 0.5).astype(np.float32)
        for peak, (middle, scale) in zip(peaks, places, strict=True)
    ]


def _place(box: np.ndarray) -> tuple[np.ndarray, float]:
    """Middle and scale of the square that the package cuts out around a box."""
    width, height = box[2:] - box[:2]
    middle = (box[:2] + box[2:]) / 2 - (0, _LIFT * height)
    return middle, float(width + height) / _REFERENCE


def _heatmaps(nets: _Nets, faces: np.ndarray) -> np.ndarray:
    """2DFAN-4 on faces and on their mirror images.

    Args:
        nets: the networks.
        faces: RGB, `(B, 256, 256, 3)`, uint8.

    Returns:
        `(B, 68, 64, 64)`, float32.
    """
    import torch
    from face_alignment.utils import flip

    with torch.inference_mode():
        images = torch.from_numpy(faces).to(nets.device).permute(0, 3, 1, 2).float() / 255
        plain, mirror = nets.fan(images)[-1], nets.fan(flip(images))[-1]
        return (plain + flip(mirror, is_label=True)).cpu().numpy()


def _peaks(heatmaps: np.ndarray) -> np.ndarray:
    """Where heatmaps are highest, a quarter of a pixel towards the higher neighbour: (x, y), `(B, 68, 2)`.

    Args:
        heatmaps: `(B, 68, 64, 64)`.
    """
    batch, points, height, width = heatmaps.shape
    y, x = np.divmod(heatmaps.reshape(batch, points, -1).argmax(axis=-1), width)
    bordered_maps = np.pad(heatmaps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    b, p = np.ogrid[:batch, :points]
    slope = np.stack(
        [
            bordered_maps[b, p, y + 1, x + 2] - bordered_maps[b, p, y + 1, x],
            bordered_maps[b, p, y + 2, x + 1] - bordered_maps[b, p, y, x + 1],
        ],
        axis=-1,
    )
    inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    return np.stack([x, y], axis=-1) + 0.5 + 0.25 * np.sign(slope) * inside[..., None]


@functools.cache
def _load_nets(s3fd: Path, fan: Path) -> _Nets:
    import torch
    from face_alignment.detection.sfd.net_s3fd import s3fd as s3fd_net
    from face_alignment.models import FAN

    device = "cuda" if torch.cuda.is_available() else "cpu"
    finder, landmarker = _load(s3fd_net(), s3fd, "s3fd", device), _load(FAN(4), fan, "2dfan4", device)
    return _Nets(finder, landmarker, device)


def _load(net: "torch.nn.Module", file: Path, name: str, device: str) -> "torch.nn.Module":
    import torch

    try:
        net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, pickle.UnpicklingError) as error:
        command = f"segtalker weights fetch face_alignment_{name}"
        raise SegTalkerError(f"{file}: not the published weights of {name}; to fetch them: {command}") from error
    # up to a fifth faster on a CPU
    return net.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

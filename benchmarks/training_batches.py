"""Random batches of the shape each training of an experiment has, to measure its step without a dataset."""

from collections.abc import Callable

import torch
from torch import Tensor

from segtalker.config.params import Params
from segtalker.nets.wav2lip import face_size
from segtalker.regions import NUM_REGIONS

Batch = tuple[Tensor, ...] | dict[str, Tensor]


def _regions(*shape: int) -> Tensor:
    """Regions in blocks of 8x8 px, `shape`, uint8: as few borders as a face has."""
    *leading, height, width = shape
    coarse = torch.randint(0, NUM_REGIONS, (*leading, -(-height // 8), -(-width // 8)), dtype=torch.uint8)
    return coarse.repeat_interleave(8, -2).repeat_interleave(8, -1)[..., :height, :width].contiguous()


def _pictures(*shape: int) -> Tensor:
    return torch.randint(0, 256, (*shape, 3), dtype=torch.uint8)


def _images(batch: int, side: int) -> Tensor:
    return torch.rand(batch, 3, side, side) * 2.0 - 1.0


def parser_batch(params: Params) -> Batch:
    """See `datamodules.labelled_images`."""
    batch, side = params.train_parser.batch_size, params.base.image_size
    return _images(batch, side), _regions(batch, side, side).long()


def sync_batch(params: Params, domain: str) -> Batch:
    """See `datamodules.sync.SyncDraws`."""
    base, stage = params.base, params.train_sync
    shape = (stage.batch_size, stage.windows_per_clip, base.window_frames, base.mouth_box.height, base.mouth_box.width)
    boxes = _regions(*shape) if domain == "mask" else _pictures(*shape)
    return boxes, torch.randn(*shape[:2], base.mel.bins, base.mel_window)


def tsg_batch(params: Params) -> Batch:
    """See `datamodules.tsg.TsgSample`."""
    base, stage = params.base, params.train_tsg
    batch, frames, box = stage.batch_size, base.window_frames, (base.mouth_box.height, base.mouth_box.width)
    speech = torch.randn(batch, frames, base.mel.bins, stage.net.mel_window)
    return _regions(batch, frames, *box), _regions(batch, *box), speech, _sync_speech(params, batch)


def _sync_speech(params: Params, batch: int) -> Tensor:
    return torch.randn(batch, params.base.mel.bins, params.base.mel_window)


def sgi_batch(params: Params) -> Batch:
    """See `datamodules.reference_pairs.ReferencePair`."""
    batch, side = params.train_sgi.batch_size, params.base.image_size
    labels = {f"{name}_labels": _regions(batch, side, side).long() for name in ("reference", "target")}
    return labels | {name: _images(batch, side) for name in ("reference", "target")}


def wav2lip_batch(params: Params) -> Batch:
    """See `datamodules.wav2lip.FaceSample`."""
    base, stage = params.base, params.train_wav2lip
    batch, frames, side = stage.batch_size, base.window_frames, face_size(len(stage.net.channels))
    faces, reference = (_pictures(batch, frames, side, side) for _ in range(2))
    speech = torch.randn(batch, frames, base.mel.bins, base.mel_window)
    return faces, reference, speech, _sync_speech(params, batch)


def images_in(params: Params) -> dict[str, int]:
    """Images, or mouth boxes, a batch of each training holds."""
    frames, sync = params.base.window_frames, params.train_sync
    windows = sync.batch_size * sync.windows_per_clip * frames
    return {
        "train_parser": params.train_parser.batch_size,
        "train_sync, masks": windows,
        "train_sync, images": windows,
        "train_tsg": params.train_tsg.batch_size * frames,
        "train_sgi": params.train_sgi.batch_size,
        "train_wav2lip": params.train_wav2lip.batch_size * frames,
    }


BATCHES: dict[str, Callable[[Params], Batch]] = {
    "train_parser": parser_batch,
    "train_sync, masks": lambda params: sync_batch(params, "mask"),
    "train_sync, images": lambda params: sync_batch(params, "image"),
    "train_tsg": tsg_batch,
    "train_sgi": sgi_batch,
    "train_wav2lip": wav2lip_batch,
}

"""What one cropped clip is like, and its sound brought in time."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from segtalker.clips.record import ClipQuality, ClipRecord
from segtalker.clips.runner import Facts
from segtalker.clips.store import Clip, write_array
from segtalker.config.base import Base
from segtalker.config.data import SYNTHETIC, Gate, GateSync
from segtalker.metrics.sync_scores import SyncScores
from segtalker.preprocessing.clip_sound import stretch_sound, write_sound
from segtalker.preprocessing.face_quality import face_sharpness, head_pose
from segtalker.preprocessing.face_tracks import face_size
from segtalker.preprocessing.identity import embed_faces, load_face_net
from segtalker.preprocessing.scenes import SceneCuts
from segtalker.preprocessing.sync_offset import find_offset, load_expert


def why_dropped(quality: ClipQuality, gate: Gate) -> str:
    """Why a measured clip is dropped, with its figure; empty for one that passes.

    Args:
        quality: of the clip.
        gate: the limits.
    """
    sync = gate.sync
    checks = [
        (quality.cuts > gate.max_cuts, f"{quality.cuts} scene cut(s) inside, more than gate.max_cuts {gate.max_cuts}"),
        (
            quality.face_px < gate.min_face_px,
            f"face of {quality.face_px:.0f} px, less than gate.min_face_px {gate.min_face_px:.0f}",
        ),
        (
            quality.sharpness < gate.min_sharpness,
            f"sharpness {quality.sharpness:.2f}, less than gate.min_sharpness {gate.min_sharpness:.2f}",
        ),
        (
            quality.yaw_deg > gate.max_yaw_deg,
            f"head turned by {quality.yaw_deg:.0f} degrees, more than gate.max_yaw_deg {gate.max_yaw_deg:.0f}",
        ),
        (
            quality.pitch_deg > gate.max_pitch_deg,
            f"head tilted by {quality.pitch_deg:.0f} degrees, more than gate.max_pitch_deg {gate.max_pitch_deg:.0f}",
        ),
    ]
    if quality.offset is not None and quality.confidence is not None:
        checks += [
            (
                quality.confidence < sync.min_confidence,
                f"sync confidence {quality.confidence:.2f}, less than gate.sync.min_confidence {sync.min_confidence}",
            ),
            (
                quality.sound == TOO_FAR_OFF,
                f"sound {abs(quality.offset)} frames out of time, more than gate.sync.max_offset {sync.max_offset}",
            ),
        ]
    return "; ".join(reason for fails, reason in checks if fails)


IN_TIME, CORRECTED, TOO_FAR_OFF, UNCERTAIN = "in time", "corrected", "too far off", "uncertain"
IDENTITY_FILE = "identity.npy"
THUMBNAIL_FILE = "thumbnail.jpg"
_THUMBNAIL_QUALITY = 85


@dataclass(frozen=True)
class GateConfig:
    """What is measured, and with which networks.

    Args:
        gate: the params.
        base: sizes and rates.
        expert: file of the sync expert, or None.
        face_net: file of MobileFaceNet, or None.
    """

    gate: Gate
    base: Base
    expert: Path | None
    face_net: Path | None


def measure_clip(config: GateConfig, crops: Path, record: ClipRecord, folder: Path) -> Facts:
    """Measures one clip; see `segtalker.clips.runner.run_clips`.

    Args:
        config: what is measured.
        crops: folder of the cropped clips.
        record: of `data/crop/<dataset>/clips.csv`.
        folder: empty folder of the clip; a thumbnail, the face's vector and, where the sound was out of time, the
            corrected sound are written into it.

    Returns:
        `quality`.
    """
    place = crops / record.clip_id
    clip = Clip(record.clip_id, record.subject, record.split, place, place, place)
    landmarks = np.array(clip.landmarks)
    indices = np.unique(np.linspace(0, len(landmarks) - 1, config.gate.samples).round().astype(int))
    frames = clip.frames.read(indices.tolist())
    sharpness = [face_sharpness(frame, points) for frame, points in zip(frames, landmarks[indices], strict=True)]
    poses = np.abs([head_pose(landmarks[index], config.base.image_size) for index in indices])
    _write_thumbnail(folder / THUMBNAIL_FILE, frames[len(frames) // 2], config.gate.sheet_px)
    if config.face_net and record.dataset != SYNTHETIC:
        write_array(folder / IDENTITY_FILE, embed_faces(load_face_net(config.face_net), frames, landmarks[indices]))
    offset, confidence, sound = _bring_in_time(config, clip, record, folder)
    face_px = float(np.median([face_size(points) for points in landmarks])) * _scale(clip, config.base)
    quality = ClipQuality(
        face_px=round(face_px, 1),
        sharpness=round(float(np.median(sharpness)), 3),
        yaw_deg=round(float(np.median(poses[:, 0])), 1),
        pitch_deg=round(float(np.median(poses[:, 1])), 1),
        cuts=_count_cuts(clip, config.gate.scene_threshold),
        offset=offset,
        confidence=confidence,
        sound=sound,
    )
    return {"quality": quality}


def _scale(clip: Clip, base: Base) -> float:
    """Pixels of the recording for one of the crop."""
    return float(np.median(np.array(clip.facts["squares"])[:, 2])) / base.image_size


def _write_thumbnail(path: Path, frame: np.ndarray, side: int) -> None:
    small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY])


def _count_cuts(clip: Clip, threshold: float) -> int:
    cuts = SceneCuts(threshold)
    for index, frame in enumerate(clip.frames):
        cuts.see(frame, float(index))
    return len(cuts.times)


def _bring_in_time(
    config: GateConfig, clip: Clip, record: ClipRecord, folder: Path
) -> tuple[int | None, float | None, str | None]:
    """`offset`, `confidence` and `sound` of `ClipQuality`; writes the sound that was corrected."""
    sync = config.gate.sync
    if config.expert is None or sync.expert == "none":
        return None, None, None
    scores = find_offset(load_expert(sync.expert, config.expert), clip, config.base, sync.max_shift, sync.batch_size)
    if scores is None:
        return None, None, None
    sound = _verdict(sync, scores)
    if sound == CORRECTED:
        # speech that lags has a negative offset and is fetched from later in the recording
        start_s = clip.facts["start_s"] - scores.offset / config.base.fps
        seconds = record.frames / config.base.fps
        write_sound(folder, stretch_sound(record, start_s, seconds, config.base.sample_rate_hz), config.base)
    return scores.offset, round(scores.confidence, 3), sound


def _verdict(sync: GateSync, scores: SyncScores) -> str:
    """What to do about the sound. Below a confidence the offset is that of noise, and so is a large one."""
    if not sync.is_certain(scores.confidence):
        return UNCERTAIN
    if abs(scores.offset) > sync.max_offset:
        return TOO_FAR_OFF
    return CORRECTED if scores.offset else IN_TIME

"""The protocol of an evaluation: what its numbers depend on beside the videos, see `segtalker.protocol`."""

from collections.abc import Sequence
from typing import Any

from segtalker.clips import Clip
from segtalker.evaluation import EvaluationPlan
from segtalker.metrics.registry import describe
from segtalker.params import Evaluate
from segtalker.protocol import clip_hash, make_protocol
from segtalker.provenance import file_sha256

_SPEED = {"batch_size"}
_PLACES = ("_weights", "_heads")
_MEASURED = ("fps", "sample_rate_hz", "mel_rate", "smooth_frames")


def plan_protocol(plan: EvaluationPlan, settings: Evaluate, clips: Sequence[Clip]) -> dict[str, dict[str, str]]:
    """What makes the numbers of a plan comparable with another's.

    Args:
        plan: how clips are measured.
        settings: the params `evaluate`; where files lie and how fast work is done does not count.
        clips: those that were to be measured, whether it went well or not.
    """
    kept: dict[str, Any] = {
        name: value
        for name, value in settings.model_dump(mode="json").items()
        if name not in _SPEED and not name.endswith(_PLACES)
    }
    kept |= {name: getattr(plan, name) for name in _MEASURED} | {"parser": plan.choice.parser.backend}
    expert = plan.choice.expert if plan.choice.stand_ins else None
    return make_protocol(
        metrics=describe(plan.reference_masks, plan.choice.stand_ins),
        settings=kept,
        weights={name: file_sha256(path) for name, path in plan.choice.weights.files},
        clips={clip.clip_id: clip_hash(_reference_hashes(plan, clip)) for clip in clips},
        parser=file_sha256(plan.choice.parser.path),
        expert=file_sha256(expert) if expert else "",
    )


def _reference_hashes(plan: EvaluationPlan, clip: Clip) -> dict[str, str]:
    """Hashes of what a clip's videos are held against; a file that is missing has none."""
    crop, parsed = clip.crop_folder, plan.reference_masks == "parsed"
    masks = clip.parse_folder / "masks.zip" if parsed else crop / "truth_masks.zip"
    files = {"frames": crop / "frames.zip", "sound": clip.audio_path, "landmarks": crop / "landmarks.npy"}
    return {name: file_sha256(path) for name, path in (files | {"masks": masks}).items() if path.is_file()}

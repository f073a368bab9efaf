"""What `generate` makes of one test clip: every method, from the same sources.

The protocol is self-reenactment. The clip's own frames give pose and surroundings, with the mouth hidden. A few of its
frames give the speaker's codes for all of them: the one with the widest mouth; where the head turns, those whose poses
lie farthest from it and from each other; and, near each of these in pose, the one with the widest eyes. Lips and mouth
are everywhere those of the first pose, so no frame but the first shows its own mouth to the network. Of the skin within
the hidden mouth area twice `generate.pose_references.most` frames at most show their own: two where no head turns.
Controls are judged like the rest, against the clip's own sound and frames, and so carry the clip's own sound: what is
seen in the video of `shuffled_audio` is what the metrics see.

The baseline `wav2lip` gets the same frames and the same first reference; it paints faces without masks, and leaves the
rest of each frame as it is. `segtalker_pasted` does so too: the mouth of `segtalker` in the clip's own frames.

Frames are kept as they were made, without loss, for metrics of steadiness and texture see what a JPEG does to them.
"""

import functools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import numpy as np
import torch

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import Facts
from segtalker.clips.store import Clip
from segtalker.inference.background import SourceBackground
from segtalker.inference.identity import Identity
from segtalker.inference.pasting import paste_mouths
from segtalker.inference.talk_model import Images, TalkModel
from segtalker.inference.talk_settings import TalkSettings
from segtalker.inference.wav2lip import Wav2LipSettings, Wav2LipTalker
from segtalker.media.video import write_video
from segtalker.utils.atomic import atomic_folder
from segtalker.utils.errors import BadClipError

SEGTALKER, PASTED = "segtalker", "segtalker_pasted"
ORACLE = "sgi_oracle_mask"
WAV2LIP = "wav2lip"


@dataclass(frozen=True)
class GenerateConfig:
    """What is made of every clip, and how.

    Args:
        models: `models/<experiment>`.
        settings: of the same experiment.
        methods: names, see `METHODS`.
        folder: `results/<experiment>/generate`.
        silence: its value in a log-mel spectrogram.
        crf: x264's constant quality of the videos.
        device: where networks run, `cpu` or `cuda`.
        fade: of the faces that `wav2lip` lays back, see `segtalker.faces.mouth_box.paste_faces`.
        mouth_fade: of the mouths that `segtalker_pasted` lays back, see `segtalker.faces.mouth_box.hidden_share`.
    """

    models: Path
    settings: TalkSettings
    methods: tuple[str, ...]
    folder: Path
    silence: float
    crf: int
    device: str
    fade: int
    mouth_fade: float

    @property
    def wav2lip_settings(self) -> Wav2LipSettings:
        """Those of the baseline, from the same experiment."""
        own = self.settings
        return Wav2LipSettings(own.clock, self.fade, own.batch_size)


@dataclass(frozen=True)
class _ClipInputs:
    """One clip with what every method needs of it."""

    talk_model: TalkModel
    wav2lip: Wav2LipTalker | None
    clip: Clip
    driving: Clip
    identity: Identity
    silence: float

    @property
    def count(self) -> int:
        return len(self.clip.frames)

    def heard(self, clip: Clip) -> np.ndarray:
        """What the segmenter hears of a clip, see `TalkModel.hears`."""
        return self.talk_model.hears(clip.mel, lambda: clip.audio)

    def speaking(self, mel: np.ndarray) -> Iterator[np.ndarray]:
        timeline = self.talk_model.trained_timeline(self.clip, self.count)
        for _, masks in self.talk_model.talking_masks(self.clip, self.identity, mel, timeline, edit=None):
            yield from masks

    def rendered(self, masks: Images) -> Iterator[np.ndarray]:
        size, region_frames = self.talk_model.settings.batch_size, self.talk_model.steady_frames(masks)
        for first in range(0, self.count, size):
            part = np.arange(first, min(self.count, first + size))
            own_masks, behind = masks.read(part.tolist()), SourceBackground()
            yield from self.talk_model.render(self.clip, part, own_masks, region_frames[part], self.identity, behind)


def _own_speech(inputs: _ClipInputs) -> Iterator[np.ndarray]:
    return inputs.speaking(inputs.heard(inputs.clip))


def _other_speech(inputs: _ClipInputs) -> Iterator[np.ndarray]:
    """Speech shorter than the clip is heard again from its start."""
    mel = inputs.heard(inputs.driving)
    return inputs.speaking(mel[:, np.arange(inputs.clip.mel.shape[1]) % mel.shape[1]])


def _silence(inputs: _ClipInputs) -> Iterator[np.ndarray]:
    """A mouth that still moves in time has been seen, not heard: the pose source leaks it."""
    silent_mel = np.full_like(inputs.clip.mel, inputs.silence)
    return inputs.speaking(inputs.talk_model.hears(silent_mel, lambda: np.zeros_like(inputs.clip.audio)))


def _reference_masks(inputs: _ClipInputs) -> Iterator[np.ndarray]:
    return iter(inputs.clip.truth_masks or inputs.clip.masks)


def _first_frame(inputs: _ClipInputs) -> Iterator[np.ndarray]:
    return repeat(inputs.clip.frames.read([0])[0], inputs.count)


def _wav2lip_frames(inputs: _ClipInputs) -> Iterator[np.ndarray]:
    assert inputs.wav2lip is not None
    return inputs.wav2lip.render(inputs.clip, inputs.identity.index, inputs.clip.mel)


# how a method comes by its masks, which are painted then
_MASKS: dict[str, Callable[[_ClipInputs], Iterator[np.ndarray]]] = {
    SEGTALKER: _own_speech,
    "shuffled_audio": _other_speech,
    "silent_audio": _silence,
    ORACLE: _reference_masks,
}
# or, without any, by its frames
_FRAMES: dict[str, Callable[[_ClipInputs], Iterator[np.ndarray]]] = {
    WAV2LIP: _wav2lip_frames,
    "static": _first_frame,
}
METHODS = (*_MASKS, *_FRAMES, PASTED)


def one_of_each_subject(clips: Iterable[Clip]) -> list[Clip]:
    """The first clip of each subject, in order."""
    first: dict[str, Clip] = {}
    for clip in clips:
        first.setdefault(clip.subject, clip)
    return list(first.values())


@dataclass(frozen=True, kw_only=True)
class GenerateRecord(ClipRecord):
    """A test clip and what was made of it.

    Args:
        clip: its files.
        driving: the clip whose speech drives `shuffled_audio`.
        reference_frame: the frame that gives the speaker's codes.
        made: id of the clip whose speech was heard, by method.
    """

    clip: Clip = field(metadata={"column": False})
    driving: Clip = field(metadata={"column": False})
    reference_frame: int | None = None
    made: Mapping[str, str] = field(default_factory=dict)


@functools.lru_cache(maxsize=1)
def load_talk_model(models: Path, settings: TalkSettings, device: str) -> TalkModel:
    """Reads networks once in each process, see `segtalker.inference.talk_model.TalkModel.load`.

    They run on one thread: sums come out the same whatever the machine, and processes share the cores.
    """
    torch.set_num_threads(1)
    return TalkModel.load(models, settings, torch.device(device))


@functools.lru_cache(maxsize=1)
def load_wav2lip(models: Path, settings: Wav2LipSettings, device: str) -> Wav2LipTalker:
    """Likewise the baseline, see `segtalker.inference.wav2lip.Wav2LipTalker.load`."""
    return Wav2LipTalker.load(models, settings, torch.device(device))


def generate_clip(config: GenerateConfig, record: GenerateRecord, _output: Path) -> Facts:
    """Makes one clip by every method, each in `<method>/<clip_id>/`; for `segtalker.clips.runner.run_clips`.

    Args:
        config: what to make.
        record: of the clip.

    Returns:
        `frames`, `reference_frame` and `made`.

    Raises:
        BadClipError: the clip has no sound, or its files are of different lengths.
    """
    clip, driving = record.clip, record.driving
    lengths = {len(clip.frames), len(clip.masks), len(clip.landmarks)}
    if len(lengths) > 1:
        raise BadClipError(f"frames, masks and landmarks differ in number: {sorted(lengths)}")
    talk_model = load_talk_model(config.models, config.settings, config.device)
    wav2lip = load_wav2lip(config.models, config.wav2lip_settings, config.device) if WAV2LIP in config.methods else None
    inputs = _ClipInputs(talk_model, wav2lip, clip, driving, talk_model.identify(clip), config.silence)
    for method in config.methods:
        with atomic_folder(config.folder / method / clip.clip_id) as folder:
            _write_method(config, inputs, method, folder)
    driving_ids = {method: driving.clip_id if method == "shuffled_audio" else clip.clip_id for method in config.methods}
    return {"frames": inputs.count, "reference_frame": inputs.identity.index, "made": driving_ids}


def _write_method(config: GenerateConfig, inputs: _ClipInputs, method: str, folder: Path) -> None:
    """Masks first, then frames from the masks, then the video from the frames: never a whole clip in memory."""
    frames, masks = folder / "frames.zip", folder / "masks.zip"
    if method in _MASKS:
        write_images(masks, _MASKS[method](inputs), ".pgm")
        pictures = inputs.rendered(ImagePack(masks))
    elif method == PASTED:
        pictures = _pasted_frames(config, inputs, masks)
    else:
        pictures = _FRAMES[method](inputs)
    write_images(frames, pictures, ".png")
    sound, clock = inputs.clip.audio, config.settings.clock
    write_video(folder / "video.mp4", ImagePack(frames), clock.fps, sound, clock.sample_rate_hz, config.crf)


def _pasted_frames(config: GenerateConfig, inputs: _ClipInputs, masks: Path) -> Iterator[np.ndarray]:
    """From what `segtalker` has made of the clip, whose talking masks are copied to `masks`."""
    segtalker_folder = config.folder / SEGTALKER / inputs.clip.clip_id
    shutil.copyfile(segtalker_folder / "masks.zip", masks)
    settings = config.settings
    rendered_frames = ImagePack(segtalker_folder / "frames.zip")
    return paste_mouths(inputs.clip, rendered_frames, settings.clock, config.mouth_fade, settings.batch_size)

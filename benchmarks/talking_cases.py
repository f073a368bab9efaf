"""One row of `benchmarks.talking`, measured in a process of its own."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import partial, wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.worker_pools import usable_cores
from segtalker.config.experiment import compose
from segtalker.faces.crop_squares import map_points, square_transform, warp_image, warp_regions
from segtalker.faces.parser_detector import ParserDetector
from segtalker.faces.parsing import parse_frames
from segtalker.inference import composition, mask_stream, rendering, streaming, talk_model
from segtalker.inference.background import SourceBackground
from segtalker.inference.live_talker import ReadyPortrait, ready_portrait, stream_ready
from segtalker.inference.pictures import open_pictures
from segtalker.inference.portrait import Portrait
from segtalker.inference.talk_options import PLAIN
from segtalker.inference.talker import NO_EDITS, Talker
from segtalker.inference.timeline import frames_of_speech
from segtalker.inference.wav2lip import Wav2LipSettings, Wav2LipTalker
from segtalker.media.audio import load_audio
from segtalker.media.images import read_image
from segtalker.media.live_sound import LiveSound
from segtalker.media.live_video import FragmentedVideo, OutputPipe
from segtalker.media.mel import log_mel
from segtalker.media.soundtrack import open_soundtrack
from segtalker.nets.wav2lip import Wav2LipGenerator
from segtalker.provenance.watermark import Watermark

ROOT = Path(__file__).parents[1]
WAV2LIP = "Wav2Lip's size"
_VIDEOS = 3


@dataclass
class Stopwatch:
    """Time that parts of a program have for themselves: while one calls another, it does not count.

    Args:
        now: tells the time, s.
    """

    now: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    _stack: list[str] = field(default_factory=list)
    _since: float = 0.0

    def _switch(self) -> None:
        moment = self.now()
        if self._stack:
            self.seconds[self._stack[-1]] = self.seconds.get(self._stack[-1], 0.0) + moment - self._since
        self._since = moment

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Counts what happens inside for a part."""
        self._switch()
        self._stack.append(name)
        try:
            yield
        finally:
            self._switch()
            self._stack.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose time counts for a part."""

        @wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            with self.part(name):
                return function(*arguments, **named)

        return run

    @property
    def shares(self) -> dict[str, float]:
        """Share of each part, largest first."""
        total = sum(self.seconds.values()) or 1.0
        return {name: seconds / total for name, seconds in sorted(self.seconds.items(), key=lambda item: -item[1])}


@dataclass(frozen=True)
class Timing:
    """What one process measured.

    Args:
        load_s: see the module.
        cold_s: first frame of the first video.
        warm_s: of the last one.
        steady_fps: of the last one.
        peak_mib: of the process.
        shares: of the parts.
        parameters: of the networks that run for each frame.
        is_trained: whether the networks are.
        threads: of PyTorch.
        frames: of a video.
    """

    load_s: float
    cold_s: float
    warm_s: float
    steady_fps: float
    peak_mib: float
    shares: dict[str, float]
    parameters: int
    is_trained: bool
    threads: int
    frames: int


@dataclass(frozen=True)
class Case:
    """One row.

    Args:
        experiment: whose networks and sizes.
        seconds: of sound.
        method: `talk` or the network beside it.
        models: folder of trained networks, by experiment.
        is_published: whether that one has its published widths, or those of the experiment.
    """

    experiment: str
    seconds: float
    method: str
    models: Path
    is_published: bool = True

    @property
    def is_trained(self) -> bool:
        """Whether its networks are."""
        return (self.models / self.experiment / "train_sgi" / "generator.ckpt").is_file()


def _peak_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _given_portrait(talker: Any, picture: Path, folder: Path) -> Any:
    """A rendered person whose regions and points are known; detector and parser run and are not believed."""
    size = talker.settings.image_size
    pictures = open_pictures(picture, "pyav", talker.settings.clock.fps)
    image = next(iter(pictures))
    talker.reader.make_detector().landmarks(image)
    known = np.load(picture.with_suffix(".npz"))
    square = np.array([-0.5, -0.5, image.shape[0]])
    crop = warp_image(image, square, size)
    list(parse_frames(talker.reader.parser, crop[None], 1))
    frames, masks = ImagePack(folder / "frames.zip"), ImagePack(folder / "masks.zip")
    write_images(frames.path, [crop], ".png")
    write_images(masks.path, [warp_regions(known["regions"], square, size)], ".pgm")
    points = map_points(known["landmarks"], square_transform(square, size))
    return Portrait(picture, frames, masks, points[None], square[None], np.ones(1, bool), pictures, "pingpong")


def _parts_of_talk(watch: Stopwatch, talker: Any) -> Iterator[Any]:
    """Counts each part of `talk`."""
    model = talker.talk_model
    for owner, name, part in (
        (streaming.LiveMel, "push", "spectrogram"),
        (streaming.LiveMel, "finish", "spectrogram"),
        (type(model.segmenter), "forward", "nets: masks"),
        (type(model.generator), "forward", "nets: painting"),
        (type(model.encoder), "forward", "nets: codes"),
        (mask_stream, "extract_boxes", "mouth boxes"),
        (mask_stream, "box_transforms", "mouth boxes"),
        (mask_stream, "paste_regions", "paste of regions"),
        (mask_stream.WindowMeans, "add", "windows and their mean"),
        (mask_stream.WindowMeans, "take", "windows and their mean"),
        (streaming, "own_frames", "places of textures"),
        (streaming, "averaged", "places of textures"),
        (type(talker.reader.parser), "forward", "nets: parser"),
        (ParserDetector, "landmarks", "finding the face"),
        (ImagePack, "read", "reading crops"),
        (LiveSound, "_next", "waiting for sound"),
        (rendering, "one_hot", "one-hot"),
        (talk_model.TalkModel, "_before", "composite"),
        (SourceBackground, "behind", "what is behind"),
        (composition.Composer, "frame", "paste into the picture"),
    ):  # fmt: skip
        yield patch.object(owner, name, watch.timed(part, getattr(owner, name)))
    yield from _parts_of_writing(watch)


def _parts_of_writing(watch: Stopwatch) -> Iterator[Any]:
    for owner, name, part in ((FragmentedVideo, "write", "encoding"), (Watermark, "mark", "watermark")):
        yield patch.object(owner, name, watch.timed(part, getattr(owner, name)))


def _videos(make: Callable[[], tuple[float, float, int]], parts: Callable[[Stopwatch], Iterator[Any]]) -> Any:
    """First frame of the first video, first frame and rate of the last one, shares of the one between."""
    watch, made = Stopwatch(), []
    for number in range(_VIDEOS):
        with ExitStack() as stack:
            if number == 1:
                for replaced in parts(watch):
                    stack.enter_context(replaced)
                stack.enter_context(watch.part("all else"))
            made.append(make())
    (cold_s, *_), (warm_s, rest_s, frames) = made[0], made[-1]
    return cold_s, warm_s, (frames - 1) / rest_s, frames, watch.shares


def _talk(case: Case, folder: Path, born: float) -> Timing:
    params = compose(ROOT, case.experiment, [])[1]
    models = case.models / case.experiment if case.is_trained else folder / "models"
    talker = Talker(params, models, "parser", None)
    load_s = time.time() - born
    rate_hz = params.base.sample_rate_hz

    def make() -> tuple[float, float, int]:
        started = time.perf_counter()
        with (
            tempfile.TemporaryDirectory() as packs,
            LiveSound(folder / "speech.wav", None, rate_hz) as sound,
            Path(os.devnull).open("wb", buffering=0) as null,
        ):
            if case.is_trained:
                ready = ready_portrait(talker, folder / "face.png", Path(packs))
            else:
                face = _given_portrait(talker, folder / "face.png", Path(packs))
                ready = ReadyPortrait(face, NO_EDITS, talker.prepare(NO_EDITS, face), PLAIN)
            out = OutputPipe(null.fileno(), "null")
            made = stream_ready(talker, ready, sound, lambda *_: nullcontext(out), "mp4", started)
        return made.first_frame_s, made.painting_s, made.frames

    cold_s, warm_s, fps, frames, shares = _videos(make, partial(_parts_of_talk, talker=talker))
    model = talker.talk_model
    count = sum(weight.numel() for net in (model.segmenter, model.generator) for weight in net.parameters())
    return Timing(
        load_s, cold_s, warm_s, fps, _peak_mib(), shares, count, case.is_trained, torch.get_num_threads(), frames
    )


def _speak_beside(case: Case, folder: Path, born: float) -> Timing:
    """The network of Wav2Lip's size on the same picture and sound."""
    params, widths = (
        compose(ROOT, name, [])[1] for name in (case.experiment, "hdtf" if case.is_published else case.experiment)
    )
    torch.manual_seed(0)
    shape: dict[str, Any] = {"mel_bins": params.base.mel.bins, "mel_window": params.base.mel_window}
    net = Wav2LipGenerator(**widths.train_wav2lip.net.model_dump(), **shape).eval().requires_grad_(False)
    torch.set_num_threads(usable_cores())
    settings = Wav2LipSettings(params.base.clock, widths.train_wav2lip.fade, params.generate.batch_size)
    talker, load_s = Wav2LipTalker(net, settings), time.time() - born
    size, rate = params.base.image_size, params.base.fps
    picture, known = read_image(folder / "face.png"), np.load(folder / "face.npz")
    square = np.array([-0.5, -0.5, len(picture)])
    crop = warp_image(picture, square, size)
    landmarks = map_points(known["landmarks"], square_transform(square, size))

    def make() -> tuple[float, float, int]:
        started = time.perf_counter()
        samples = load_audio(folder / "speech.wav", params.base.sample_rate_hz)
        mel = log_mel(samples, params.base.sample_rate_hz, params.base.mel)
        count = frames_of_speech(len(samples), params.base.sample_rate_hz, rate)
        held = _Held(crop, np.repeat(landmarks[None], count, 0))
        track, first_s, made = open_soundtrack(folder / "speech.wav"), 0.0, 0
        blocks, how = track.blocks(), ((size, size), Fraction(rate), params.generate.crf, (track.rate_hz, track.layout))
        block = next(blocks, None)
        with (
            Path(os.devnull).open("wb", buffering=0) as null,
            FragmentedVideo(OutputPipe(null.fileno(), "null"), *how, {}) as video,
        ):
            for made, frame in enumerate(talker.render(held, 0, mel), start=1):
                due = []
                while block is not None and (block.time or 0.0) < made / rate:
                    due.append(block)
                    block = next(blocks, None)
                video.write(frame, due)
                first_s = first_s or time.perf_counter() - started
        return first_s, time.perf_counter() - started - first_s, made

    def parts(watch: Stopwatch) -> Iterator[Any]:
        yield patch.object(type(net), "forward", watch.timed("nets: painting", type(net).forward))
        yield from _parts_of_writing(watch)

    cold_s, warm_s, fps, frames, shares = _videos(make, parts)
    count = sum(weight.numel() for weight in net.parameters())
    return Timing(load_s, cold_s, warm_s, fps, _peak_mib(), shares, count, False, torch.get_num_threads(), frames)


class _Held:
    """A picture that is held, see `segtalker.inference.talk_model.Face`."""

    def __init__(self, frame: Any, landmarks: Any) -> None:
        self.frame, self.landmarks = frame, landmarks
        self.frames = self.masks = self

    def __len__(self) -> int:
        return len(self.landmarks)

    def read(self, indices: Any = None) -> Any:
        return self.frame[None].repeat(len(self) if indices is None else len(indices), 0)


def measure(case: Case, folder: Path, born: float) -> Timing:
    """Measures a row; in a process of its own.

    Args:
        case: the row.
        folder: with `speech.wav`, `face.png`, its regions and points in `face.npz`, and `models` where networks are
            untrained.
        born: when the process was asked for, seconds since 1970.
    """
    return (_speak_beside if case.method == WAV2LIP else _talk)(case, folder, born)


if __name__ == "__main__":
    experiment, seconds, method, trained, published, inputs, asked = sys.argv[1:]
    wanted = Case(experiment, float(seconds), method, Path(trained), published == "True")
    print(json.dumps(asdict(measure(wanted, Path(inputs), float(asked)))))

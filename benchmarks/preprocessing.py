"""Crop and parse: this project's way against the plain one, frame by frame, side by side in one run.

The plain way: decode all frames to RGB, look for the face in each whole frame, cut a square around it, write a PNG;
then read each PNG, parse it alone, write its mask as PNG. Same detector, same parser, same number of frames, sound
included in both. One process, one thread; processor time is counted, so other work on the machine matters little.

The field's usual detector is another: S3FD and 2DFAN-4. The last line adds their networks to both ways: to the plain
one on each whole frame, to ours as its detector uses them. They are timed alone, on a few frames of each recording,
with random weights, on which time does not depend.

Each line is printed for both precisions of our parser (`parse.precision`); the plain way has float32.

    python -m benchmarks.preprocessing --videos DIR --detector face_landmarker.task --parser parser.ckpt --size 256
"""

import argparse
import functools
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from face_alignment.detection.sfd.net_s3fd import s3fd
from face_alignment.models import FAN

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.record import ClipRecord
from segtalker.config.params import Params, load_params, merge, parse_params
from segtalker.faces.face_alignment_detector import LOOK_PX
from segtalker.faces.mask_smoothing import Smoothing
from segtalker.faces.mediapipe_detector import _all, _landmarker, to_ibug
from segtalker.faces.parsing import ParserChoice, load_parser
from segtalker.media.audio import load_sound
from segtalker.nets.checkpoints import load_net
from segtalker.nets.parser import FaceParser
from segtalker.preprocessing.clip_sound import write_sound
from segtalker.preprocessing.crop import crop_clip
from segtalker.preprocessing.parse import parse_clip
from segtalker.utils.errors import BadClipError

_CONFIDENCE = 0.5
_ROUNDS = 3
_PRECISIONS: tuple[Literal["32-true", "bf16-true"], ...] = ("32-true", "bf16-true")


def plain_crop(video: Path, landmarker: Any, params: Params, folder: Path) -> int:
    """Decodes everything, then finds, cuts and writes the face of each frame; how many there are."""
    capture = cv2.VideoCapture(str(video))
    fps = capture.get(cv2.CAP_PROP_FPS)
    frames = []
    while True:
        read, image = capture.read()
        if not read:
            break
        frames.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    count = int(len(frames) / fps * params.base.fps)
    landmarks = []
    for number in range(count):
        frame = frames[min(round(number / params.base.fps * fps), len(frames) - 1)]
        points = to_ibug(_all(landmarker, frame)[0])
        low, high = points.min(axis=0), points.max(axis=0)
        side = (high - low).max() * (1 + 2 * params.crop.margin)
        scale = params.base.image_size / side
        shift = params.base.image_size / 2 - scale * (low + high) / 2
        place = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        square = cv2.warpAffine(frame, place, (params.base.image_size,) * 2, flags=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{number:06d}.png"), cv2.cvtColor(square, cv2.COLOR_RGB2BGR))
        landmarks.append(points)
    np.save(folder / "landmarks.npy", landmarks)
    write_sound(folder, load_sound(video, params.base.sample_rate_hz).samples, params.base)
    return count


def plain_parse(folder: Path, parser: torch.nn.Module) -> None:
    """Reads, parses and writes one frame after the other."""
    for path in sorted(folder.glob("*.png")):
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        with torch.inference_mode():
            tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1.0
            mask = parser(tensor).argmax(dim=1)[0].to(torch.uint8).numpy()
        cv2.imwrite(str(path.with_suffix("")) + "_mask.png", mask)


def usual_detection_s(video: Path, frames: int) -> np.ndarray:
    """Processor time of S3FD and 2DFAN-4 on one frame, whole and as our detector looks at it: `(2,)`."""
    finder, landmarker = s3fd().eval(), FAN(4).eval()
    capture = cv2.VideoCapture(str(video))
    pictures = [capture.read()[1] for _ in range(frames)]
    scale = min(LOOK_PX / max(pictures[0].shape), 1.0)
    smaller = [cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for picture in pictures]
    seconds = [processor_seconds(functools.partial(_look, finder, landmarker, pictures))[0]]
    for net in (finder, landmarker):
        net.to(memory_format=torch.channels_last)
    seconds.append(processor_seconds(functools.partial(_look, finder, landmarker, smaller))[0])
    return np.array(seconds) / frames


def _look(finder: torch.nn.Module, landmarker: torch.nn.Module, pictures: list[np.ndarray]) -> None:
    with torch.inference_mode():
        for picture in pictures:
            finder(torch.from_numpy(picture)[None].permute(0, 3, 1, 2).float())
            landmarker(torch.rand(1, 3, 256, 256))


def processor_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of some work, and what it gives."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def measure(video: Path, landmarker: Any, params: Params, choice: ParserChoice) -> dict[str, tuple[float, float, int]]:
    """Seconds of crop and of parse, and frames, of the plain way and of ours in each precision."""
    alone = load_net(choice.path, FaceParser)
    smoothing = Smoothing(params.parse.smooth_frames, params.parse.smooth_sigma)
    row = ClipRecord(clip_id="clip", source=video)
    with tempfile.TemporaryDirectory() as scratch:
        plain, ours = Path(scratch) / "plain", Path(scratch) / "crops" / "clip"
        masks = {precision: Path(scratch) / precision for precision in _PRECISIONS}
        for folder in (plain, ours, *masks.values()):
            folder.mkdir(parents=True)
        crop_s, count = processor_seconds(lambda: plain_crop(video, landmarker, params, plain))
        parse_s, _ = processor_seconds(lambda: plain_parse(plain, alone))
        base, crop = params.base, params.crop
        own_crop_s, facts = processor_seconds(lambda: crop_clip(base, crop, params.machine.buffer_mib, row, ours))
        result = {"plain": (crop_s, parse_s, count)}
        for precision, folder in masks.items():
            own = replace(choice, precision=precision)
            work = functools.partial(parse_clip, own, ours.parent, params.parse.batch_size, smoothing)
            own_parse_s, _ = processor_seconds(functools.partial(work, {"clip_id": "clip"}, folder))
            assert len(ImagePack(folder / "masks.zip")) == facts["frames"]
            result[precision] = (own_crop_s, own_parse_s, facts["frames"])
    return result


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--videos", type=Path, required=True, help="folder with recordings of one face each")
    reader.add_argument("--detector", type=Path, required=True, help="face_landmarker.task")
    reader.add_argument("--parser", type=Path, required=True, help="parser.ckpt of train_parser")
    reader.add_argument("--usual-frames", type=int, default=2, help="frames S3FD and 2DFAN-4 are timed on")
    reader.add_argument("--size", type=int, required=True, help="px, side of a crop")
    return reader.parse_args(arguments)


def main() -> None:
    """Prints frames a second of one core, and ratios."""
    asked = options()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    crop = {"detector": "mediapipe", "weights": str(asked.detector), "decoder": "pyav", "detect_every": 2}
    changes = {"base": {"image_size": asked.size}, "crop": crop}
    params = parse_params(merge(load_params().model_dump(mode="json"), changes), "benchmark")
    choice = ParserChoice("trained", asked.parser, "cpu", "32-true")
    for precision in _PRECISIONS:
        load_parser(replace(choice, precision=precision))
    landmarker = _landmarker(asked.detector, _CONFIDENCE)
    print(f"{'':42} {'plain f/s':>10} {'ours f/s':>10} {'crop':>6} {'parse':>6} {'both':>6}")
    total = {way: np.zeros(3) for way in ("plain", *_PRECISIONS)}
    usual = {way: np.zeros(3) for way in total}
    for video in sorted(path for path in asked.videos.rglob("*") if path.suffix.lower() in (".mp4", ".avi", ".mov")):
        try:
            rounds = [measure(video, landmarker, params, choice) for _ in range(_ROUNDS)]
        except (BadClipError, IndexError):
            continue  # without sound or, in the plain way, with a frame in which no face is found
        ways = {way: np.median([one[way] for one in rounds], axis=0) for way in total}
        report(video.name, ways)
        for way, figures in ways.items():
            total[way] += figures
        whole_s, own_s = usual_detection_s(video, asked.usual_frames)
        for way, figures in ways.items():
            seconds = whole_s if way == "plain" else own_s / params.crop.detect_every
            usual[way][0] += seconds * figures[2]
    report("all", total)
    report("all, with S3FD and 2DFAN-4", {way: total[way] + usual[way] for way in total})
    landmarker.close()


def report(name: str, ways: dict[str, np.ndarray]) -> None:
    """A line for each precision: frames a second of a core, and how many times faster crop, parse and both are."""
    plain, *own = (figures[:2] / figures[2] for figures in ways.values())
    for precision, each in zip(_PRECISIONS, own, strict=True):
        ratios = [*(plain / each), plain.sum() / each.sum()]
        columns = [f"{1 / seconds.sum():10.1f}" for seconds in (plain, each)] + [f"{ratio:6.2f}" for ratio in ratios]
        print(f"{name[:32]:32} {precision:>9} {' '.join(columns)}", flush=True)


if __name__ == "__main__":
    main()

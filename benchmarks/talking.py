"""What a talking face costs, from a cold start to steady frames, beside a network of Wav2Lip's size.

Each row is a process of its own, on the same portrait, sound and machine in one run. Rules:

- *load*: from the start of the process until the networks are in memory, imports included;
- *first frame*: from handing over portrait and sound to the first frame handed to the encoder's file; *cold* of the
  first video of the process, *warm* of the third; *warm-up* is what lies between them;
- *steady*: frames a second from there to the last one of that third video, everything included: reading sound, masks,
  painting, the paste into the whole picture, watermark, H.264 and AAC;
- *peak*: the most memory the process had, resident;
- *own nets*: share of the second video that is spent inside of the networks; the second table divides all of it, by the
  time that each part has for itself.

Networks that are not trained are random ones of the experiment's size, which take as long; for them the face is given,
its detector and parser run and are timed, and what they say is not used. The network of Wav2Lip's size has 36.3 million
parameters, 96 px, published widths, random weights; it pastes its face into crops of the row's size, takes what else a
crop needs from the same code, makes no masks, and is not watermarked.

    python -m benchmarks.talking --cases demo:8 synthetic-256:4 hdtf:1
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.io import wavfile

from benchmarks.faces import rendered_face
from benchmarks.talking_cases import ROOT, WAV2LIP, Case, Timing
from flows.stages.train_parser import parser_net
from flows.stages.train_sgi import sgi_nets
from flows.stages.train_tsg import tsg_net
from segtalker.clips.worker_pools import usable_cores
from segtalker.config.experiment import compose
from segtalker.config.params import Params
from segtalker.media.images import write_png
from segtalker.nets.checkpoints import save_net
from segtalker.synthetic.spoken_text import speak_text

_HEADER = (
    "experiment", "method", "M parameters", "threads", "frames", "load s", "first frame cold s", "first frame warm s",
    "warm-up s", "steady frames/s", "peak MiB", "own nets",
)  # fmt: skip
_SENTENCE = "Every morning the old clock on the tower tells the whole town that it is time to wake up and begin. "
_PICTURE = 1.5  # of the crop's side: a picture's
_WORDS_S = 0.3  # of a sentence, spoken


def _write_sound(seconds: float, path: Path) -> None:
    """Speech of so many seconds."""
    words = _SENTENCE.split()
    speak_text(" ".join(words * (1 + int(seconds / _WORDS_S / len(words)))), "en-gb", path)
    rate, samples = wavfile.read(path)
    wavfile.write(path, rate, np.resize(samples, round(seconds * rate)))


def _write_models(params: Params, folder: Path) -> None:
    """Untrained networks of an experiment's size, as its trainings begin with."""
    torch.manual_seed(0)
    encoder, generator = sgi_nets(params)
    nets = {
        "train_parser/parser": parser_net(params), "train_tsg/tsg": tsg_net(params), "train_sgi/encoder": encoder,
        "train_sgi/generator": generator,
    }  # fmt: skip
    for name, net in nets.items():
        save_net(folder / f"{name}.ckpt", net, "0" * 64)


def rows(case: Case, timing: Timing) -> Iterator[str]:
    """A row of each table.

    Args:
        case: what was measured.
        timing: of it.
    """
    nets = sum(share for name, share in timing.shares.items() if name.startswith("nets"))
    note = "" if timing.is_trained else ", untrained"
    cells = (
        case.experiment, f"{case.method}{note}", f"{timing.parameters / 1e6:.1f}", timing.threads, timing.frames,
        f"{timing.load_s:.2f}", f"{timing.cold_s:.2f}", f"{timing.warm_s:.2f}", f"{timing.cold_s - timing.warm_s:.2f}",
        f"{timing.steady_fps:.1f}", f"{timing.peak_mib:.0f}", f"{nets:.0%}",
    )  # fmt: skip
    yield "| " + " | ".join(map(str, cells)) + " |"
    yield f"| {case.experiment} | {case.method} | " + ", ".join(f"{n} {s:.1%}" for n, s in timing.shares.items()) + " |"


def _revision() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown revision"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())


def _cases(wanted: argparse.Namespace) -> list[Case]:
    cases = []
    for word in wanted.cases:
        experiment, _, seconds = word.partition(":")
        for method in ("talk", WAV2LIP):
            cases.append(Case(experiment, float(seconds or 4), method, wanted.models, not wanted.quick))
    return cases


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(description="what a talking face costs")
    parser.add_argument(
        "--cases", nargs="+", default=["demo:8", "synthetic-256:4", "hdtf:1"], metavar="EXPERIMENT:SECONDS"
    )
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="where trained networks are")
    parser.add_argument("--quick", action="store_true", help="the tiny experiment, and its small network beside it")
    wanted = parser.parse_args()
    if wanted.quick:
        wanted.cases = ["tiny:1"]
    print(f"{_revision()}, Python {sys.version.split()[0]}, torch {torch.__version__}, {_processor()},", end=" ")
    print(f"{usable_cores()} cores, load before {os.getloadavg()[0]:.1f}\n\n| {' | '.join(_HEADER)} |")
    print("|---|---|" + "--:|" * (len(_HEADER) - 2), flush=True)
    second_table = []
    for case in _cases(wanted):
        with tempfile.TemporaryDirectory() as name:
            prepare(case, Path(name))
            first, second = rows(case, _measured(case, Path(name)))
        print(first, flush=True)
        second_table.append(second)
    print("\n| experiment | method | where the time goes |\n|---|---|---|", *second_table, sep="\n")


def _measured(case: Case, folder: Path) -> Timing:
    """What a process of its own measures."""
    words = (case.experiment, case.seconds, case.method, case.models, case.is_published, folder, time.time())
    command = [sys.executable, "-m", "benchmarks.talking_cases", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Timing(**json.loads(done.stdout.splitlines()[-1]))


def prepare(case: Case, folder: Path) -> None:
    """Writes what a row is measured with, see `measure`."""
    params = compose(ROOT, case.experiment, [])[1]
    _write_sound(case.seconds, folder / "speech.wav")
    face = rendered_face(round(_PICTURE * params.base.image_size))
    write_png(folder / "face.png", face.frame)
    np.savez(folder / "face.npz", regions=face.regions, landmarks=face.landmarks)
    if case.method == "talk" and not case.is_trained:
        _write_models(params, folder / "models")


if __name__ == "__main__":
    main()

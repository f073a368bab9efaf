"""Many videos from one list: what is there is kept, what fails is listed, the rest is made."""

import csv
from fractions import Fraction
from pathlib import Path

from flows.commands.talk_batch import run_batch
from segtalker.inference.talk_inputs import TalkInputs
from segtalker.inference.talker import TalkingVideo
from segtalker.utils.errors import BadInputError

SHARED = TalkInputs(Path(), None, None, None)


def test_a_list_is_worked_off_and_taken_up_again(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "s.wav"):
        (tmp_path / name).write_text(name)
    batch = tmp_path / "list.csv"
    batch.write_text("portrait,audio,out\na.png,s.wav,a.mp4\nb.png,s.wav,b.mp4\nc.png,s.wav,c.mp4\n")
    made: list[str] = []

    def check(inputs: TalkInputs) -> None:
        if not inputs.portrait.is_file():
            raise BadInputError(f"{inputs.portrait}: no such file")

    def make(inputs: TalkInputs) -> TalkingVideo:
        assert inputs.out is not None
        if inputs.out.name == "b.mp4" and "b.mp4" not in made:
            made.append("b.mp4")
            raise BadInputError("no face found")
        inputs.out.write_text("video")
        made.append(inputs.out.name)
        return TalkingVideo(25, Fraction(25), 64, 64, "", 0)

    def run() -> int:
        return run_batch(batch, SHARED, "networks", check, make)

    assert run() == 1
    assert made == ["a.mp4", "b.mp4"]
    with (tmp_path / "list.failures.csv").open(newline="") as lines:
        failures = list(csv.DictReader(lines))
    assert [(row["line"], row["reason"]) for row in failures] == [
        ("3", "no face found"), ("4", f"{tmp_path / 'c.png'}: no such file"),
    ]  # fmt: skip
    (tmp_path / "c.png").write_text("c.png")
    assert run() == 0
    assert made == ["a.mp4", "b.mp4", "b.mp4", "c.mp4"]
    assert not (tmp_path / "list.failures.csv").exists()
    assert run() == 0
    assert len(made) == 4

"""People and voices to try are there, with and without a run."""

from pathlib import Path

import pytest

from flows.studio import examples
from flows.studio.examples import make_examples
from segtalker.media.audio import load_audio
from segtalker.media.images import read_image


def test_samples_of_a_run_are_copied(project: Path, tmp_path: Path) -> None:
    made = make_examples(project, "demo", tmp_path / "examples")
    assert [path.name for path in made.faces] == ["s0.png", "s1.png"]
    assert [path.name for path in made.voices] == ["s0.wav", "s1.wav"]
    assert {path.parent for path in (*made.faces, *made.voices)} == {tmp_path / "examples"}


def test_without_a_run_people_are_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "_PEOPLE", 2)
    monkeypatch.setattr(examples, "_VOICES", 1)
    monkeypatch.setattr(examples, "_SIDE", 64)
    made = make_examples(tmp_path, "hdtf", tmp_path / "examples")
    assert [read_image(path).shape for path in made.faces] == [(64, 64, 3)] * 2
    assert len(load_audio(made.voices[0], 16000)) > 16000

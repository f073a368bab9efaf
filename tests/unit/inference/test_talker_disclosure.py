"""A video that a Talker makes says that it is generated, and where it may change a pixel for that."""

from pathlib import Path

import numpy as np
import pytest
from signing_keys import write_keys

from segtalker.inference.edits import Edits
from segtalker.inference.talk_options import TalkOptions
from segtalker.inference.talker import Talker
from segtalker.media.images import write_png
from segtalker.media.video import open_video
from segtalker.provenance.credentials import read_signing_key
from segtalker.provenance.inspection import inspect_file
from segtalker.provenance.watermark import MAX_CHANGE
from segtalker.regions import colourise


@pytest.fixture
def portrait(files: Path, draw: type) -> Path:
    """A drawing."""
    write_png(files / "drawn.png", colourise(draw(160, 80.0, 64.0, 24.0, 0.2).mask))
    return files / "drawn.png"


def test_a_talking_video_says_that_it_is_generated(talker: Talker, portrait: Path, files: Path, tmp_path: Path) -> None:
    key = read_signing_key(*write_keys(tmp_path))
    out = tmp_path / "out" / "o.mp4"
    talker.talk(portrait, files / "speech.wav", out, options=TalkOptions(signing_key=key))
    inspection = inspect_file(out)
    assert "experiment demo, signature 000000000000" in inspection.tags["comment"]
    assert inspection.source == "trainedAlgorithmicMedia"
    assert (inspection.mark.is_there, inspection.mark.payload) == (True, 0)
    assert inspection.credentials is not None
    assert inspection.credentials.state == "Valid"
    assert [path.name for path in out.parent.iterdir()] == ["o.mp4"]


def test_the_watermark_changes_pixels_within_its_bound_and_is_left_out_where_asked(
    talker: Talker, portrait: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[np.ndarray] = []
    monkeypatch.setattr("segtalker.inference.talker.write_video", lambda _, video, *__: written.extend(video))
    for watermark in (False, True):
        talker.talk(portrait, files / "speech.wav", tmp_path / "o.mp4", Edits(), TalkOptions(watermark=watermark))
    plain, marked = np.stack(written[:25]).astype(int), np.stack(written[25:]).astype(int)
    assert 0 < np.abs(marked - plain).max() <= MAX_CHANGE


def test_without_a_watermark_metadata_still_says_it(
    talker: Talker, portrait: Path, files: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o.mp4"
    talker.talk(portrait, files / "speech.wav", out, options=TalkOptions(watermark=False))
    inspection = inspect_file(out)
    assert not inspection.mark.is_there
    assert inspection.is_generated
    assert len(list(open_video(out, "pyav"))) == 25

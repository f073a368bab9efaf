"""Players: their screens and their sound."""

import numpy as np
import pytest

from segtalker.clips.store import load_clips
from segtalker.config.workspace import Workspace
from segtalker.reporting.figures.samples import choose_samples
from segtalker.reporting.figures.videos import Player, PlayerMaker


def make_player(experiment: Workspace, max_frames: int) -> tuple[Player, list[tuple[int, int]]]:
    encoded = []

    def encode(frames, sound: np.ndarray | None) -> bytes:
        images = list(frames)
        encoded.append((len(images), 0 if sound is None else len(sound)))
        assert all(image.shape == (32, 32, 3) for image in images)
        return b"mp4"

    clips = load_clips(experiment.root / "data", experiment.dataset, "test")
    sample = choose_samples(clips, experiment.results("generate"), "segtalker", 1, {})[0]
    maker = PlayerMaker(encode, size=32, max_frames=max_frames, fps=25, rate_hz=16000)
    return maker.make(sample, "segtalker"), encoded


@pytest.mark.parametrize(("max_frames", "frames"), [(10, 10), (99, 30)], ids=["cut", "whole"])
def test_sound_is_as_long_as_the_picture(experiment: Workspace, max_frames: int, frames: int) -> None:
    player, encoded = make_player(experiment, max_frames)
    assert {count for count, _ in encoded} == {frames}
    assert {samples for _, samples in encoded} == {0, frames * 640}
    assert ("first" in player.note) == (max_frames < 30)


def test_screens_go_from_source_to_truth_before_the_controls(experiment: Workspace) -> None:
    player, _ = make_player(experiment, 10)
    labels = [tile.label for tile in player.tiles]
    assert labels[:5] == ["Source", "Mask", "Talking mask", "SegTalker", "Ground truth"]
    assert [tile.label for tile in player.tiles if tile.has_sound] == ["SegTalker", "Shuffled audio"]

"""Videos of several runs beside each other, with sound, played as one."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segtalker.media.audio import sound_pieces
from segtalker.media.video import open_video
from segtalker.reporting.figures.videos import WAVE_POINTS, Player, Tile, wave_path
from segtalker.reporting.tables.methods import GROUND_TRUTH
from segtalker.utils.errors import BadClipError

_WAVE_RATE_HZ = 4000
_MAX_BYTES = 8 * 2**20  # of one video: more would make the page too large for a browser


@dataclass(frozen=True)
class RunVideo:
    """A run's video of a clip.

    Args:
        label: name of the run.
        note: one short line.
        colour: of its dot.
        content: MP4.
        truth: MP4 of the recording as this run kept it, or None.
    """

    label: str
    note: str
    colour: str
    content: bytes
    truth: bytes | None


@dataclass(frozen=True)
class ClipPlayer:
    """A player and the frame rate of its videos."""

    player: Player
    fps: float


def clip_players(clip_videos: Mapping[str, Sequence[RunVideo]]) -> list[ClipPlayer]:
    """A player a clip: the runs first, then the recording; the first run is heard.

    Args:
        clip_videos: by clip; what is no video is left out, and a clip that fewer than two runs show.
    """
    players = []
    for clip, videos in clip_videos.items():
        readable = [(video, facts) for video in videos if (facts := _facts(video.content))]
        if len(readable) > 1:
            fps, wave = readable[0][1]
            tiles = [_run_tile(video, index == 0) for index, (video, _) in enumerate(readable)]
            truth = next((video.truth for video, _ in readable if video.truth and _facts(video.truth)), None)
            if truth is not None:
                tiles.append(Tile(GROUND_TRUTH.label, GROUND_TRUTH.short, GROUND_TRUTH.colour, truth))
            players.append(ClipPlayer(Player(clip, "", wave, tiles), fps))
    return players


def _run_tile(video: RunVideo, is_first: bool) -> Tile:
    return Tile(video.label, video.note, video.colour, video.content, has_sound=is_first, is_heard=is_first)


def _facts(content: bytes) -> tuple[float, str] | None:
    """Frame rate and outline of the sound of an MP4; None of what is no video with sound, or too large."""
    if len(content) > _MAX_BYTES:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        path.write_bytes(content)
        try:
            fps = float(open_video(path, "pyav").fps)
            pieces = [sound.samples for sound in sound_pieces(path, _WAVE_RATE_HZ)]
        except BadClipError:
            return None
    return (fps, wave_path(np.concatenate(pieces), WAVE_POINTS)) if pieces else None

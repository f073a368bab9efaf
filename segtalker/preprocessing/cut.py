"""Looks through a recording once: every frame for scene cuts, some for faces, and its sound."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import Facts
from segtalker.config.data import Cut
from segtalker.faces.detectors import FaceFinder, make_detector
from segtalker.media.audio import Sound, sound_pieces
from segtalker.media.decoders import TimedFrame
from segtalker.media.video import Video, open_video
from segtalker.preprocessing.clip_sound import find_sound
from segtalker.preprocessing.face_tracks import FaceSighting, link_faces
from segtalker.preprocessing.loudness import measure_loudness
from segtalker.preprocessing.scenes import FaceCuts, SceneCuts, all_cuts
from segtalker.preprocessing.talking_spans import Drop, Survey, find_stretches
from segtalker.utils.atomic import write_text
from segtalker.utils.errors import BadClipError

STRETCHES_FILE = "stretches.json"
_SOUND_HZ = 8000
_FACE_SIDE = 1920  # px; larger frames are scaled down before faces are looked for
_SCENE_SIDE = 256
_SILENT_DB = -60.0
_TOGETHER_FRAMES = 3
_NEXT_LOOK = 1.5
_MISSING_S = 0.5


def cut_recording(cut: Cut, detector: tuple[str, str], threads: int, record: ClipRecord, folder: Path) -> Facts:
    """Finds the stretches of one recording; see `segtalker.clips.runner.run_clips`.

    Args:
        cut: what makes a stretch.
        detector: name and weights, see `segtalker.faces.detectors.make_detector`.
        threads: of the decoder.
        record: of `data/download/<dataset>/clips.csv`.
        folder: empty folder; `stretches.json` is written into it.

    Returns:
        Nothing: the stretches stand in the file.

    Raises:
        BadClipError: it cannot be used, and why.
    """
    video = open_video(record.source, "pyav")
    survey = look_through(video, record, cut, detector, threads)
    if not survey.tracks:
        raise BadClipError(f"no face found in {survey.span[1] - survey.span[0]:.0f} s")
    stretches, drops = find_stretches(
        survey,
        face=cut.face,
        silence_db=cut.silence_db,
        max_silence_s=cut.max_silence_s,
        min_seconds=cut.min_seconds,
        max_seconds=cut.max_seconds,
    )
    if not stretches:
        longest = max(drops, key=lambda drop: drop.end_s - drop.start_s)
        raise BadClipError(f"no stretch to use; the longest, {longest.end_s - longest.start_s:.1f} s: {longest.reason}")
    content = {
        "start_s": video.start_s,
        "stretches": [asdict(stretch) for stretch in stretches],
        "drops": [asdict(drop) for drop in [*drops, *_missing(survey.span[1], video, record)]],
    }
    write_text(folder / STRETCHES_FILE, json.dumps(content, indent=1))
    return {}


def _missing(end_s: float, video: Video, record: ClipRecord) -> list[Drop]:
    """What should follow where the picture ends, in a file that is not whole or is shorter than its dataset says."""
    expected_s = video.start_s + (record.end_s or video.seconds)
    return [Drop(end_s, expected_s, "no picture: it ends here")] if expected_s - end_s > _MISSING_S else []


def look_through(video: Video, record: ClipRecord, cut: Cut, detector: tuple[str, str], threads: int) -> Survey:
    """Everything that `find_stretches` needs to know.

    Raises:
        BadClipError: picture or sound cannot be read, or there is no sound.
    """
    start_s = video.start_s + (record.start_s or 0.0)
    end_s = float("inf") if record.end_s is None else video.start_s + record.end_s
    loudness = measure_loudness(_sound(video, record, start_s, end_s))
    if loudness.loud_db < _SILENT_DB:
        raise BadClipError(f"{video.path.name}: its sound track is silent")
    cuts, jumps = SceneCuts(cut.scene_threshold), FaceCuts(cut.scene_threshold)
    sightings: list[FaceSighting] = []
    last_s = start_s
    finder = make_detector(*detector)
    try:
        for frame in video.frames(start_s, threads):
            if frame.time_s >= end_s:
                break
            last_s = frame.time_s + 1.0 / video.fps
            cuts.see(frame.scaled(min(_SCENE_SIDE / max(video.width, video.height), 1.0)), frame.time_s)
            jumps.see(frame)
            if not sightings or frame.time_s > sightings[-1].time_s + cut.look_s - 0.5 / video.fps:
                sightings.append(_see_faces(frame, finder))
                jumps.aim(sightings[-1].faces)
    finally:
        finder.close()
    found = all_cuts(cuts, jumps, _TOGETHER_FRAMES / video.fps)
    step_s = max(cut.look_s, 1.0 / video.fps)
    tracks = link_faces(sightings, found, max(cut.max_lost_s, _NEXT_LOOK * step_s))
    return Survey((start_s, min(last_s, end_s)), found, tracks, loudness, step_s)


def _see_faces(frame: TimedFrame, finder: FaceFinder) -> FaceSighting:
    factor = min(_FACE_SIDE / max(frame.height, frame.width), 1.0)
    return FaceSighting(frame.time_s, [(points + 0.5) / factor - 0.5 for points in finder.faces(frame.scaled(factor))])


def _sound(video: Video, record: ClipRecord, start_s: float, end_s: float) -> Iterable[Sound]:
    """Pieces of the sound, on the clock of the picture."""
    path, late_s = find_sound(video, record.audio)
    own = sound_pieces(path, _SOUND_HZ, start_s - late_s, end_s - late_s)
    return (Sound(piece.samples, _SOUND_HZ, piece.start_s + late_s) for piece in own)

"""The user's own videos: every one below a folder is a clip."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from segtalker.clips.record import ClipFailure, ClipRecord
from segtalker.config.data import Folder
from segtalker.datasets.file_walk import UNREADABLE, closed_folders, walk_files, why
from segtalker.media.audio import SOUND_SUFFIXES
from segtalker.media.video import VIDEO_SUFFIXES, Video, open_video
from segtalker.utils.errors import BadClipError, BadInputError
from segtalker.utils.hashing import FileHashes
from segtalker.utils.paths import expand_path, inside_project, written_out
from segtalker.utils.progress import progress

ROOT_KEY = "download.folder.root"
_HASH_DIGITS = 8
_LONGEST = 100  # letters of a clip's name; stages add to it, and file systems take 255
_KNOWN_FILE = Path(".cache", "folder.json")


def folder_clips(settings: Folder, project: Path) -> tuple[list[ClipRecord], list[ClipFailure]]:
    """Lists the videos of a folder.

    A video without a sound track is paired with a sound file of the same name beside it. A copy of another video is
    left out, for it could come to stand on another side of the split.

    Args:
        settings: where and which.
        project: paths inside it are written relative to it.

    Returns:
        Records of the clips and what cannot be used, in order of clip id.

    Raises:
        BadInputError: no such folder, no videos in it, or splits that cannot be made of them.
    """
    root = expand_path(settings.root, ROOT_KEY)
    if not root.is_dir():
        raise BadInputError(f"{root}: no such folder; {ROOT_KEY} must name one with videos")
    video_files, unreadable_folders = walk_files(root, VIDEO_SUFFIXES)
    videos = [path for path in video_files if _matches(path.relative_to(root), settings.include)]
    if not videos:
        raise BadInputError(f"{root}: no videos that match download.folder.include {list(settings.include)}")
    records: dict[tuple[str, Path | None], ClipRecord] = {}
    ids = clip_ids([path.relative_to(root) for path in [*videos, *unreadable_folders]])
    failures = closed_folders(unreadable_folders, ids[len(videos) :], project)
    with FileHashes(project / _KNOWN_FILE) as hashes:
        for path, clip_id in progress(zip(videos, ids, strict=False), len(videos), "download", unit="clip"):
            try:
                video = open_video(path, "pyav")
                split = _split(path.relative_to(root), settings)
                subject = _subject(path.relative_to(root), clip_id, settings)
                record = replace(_record(clip_id, video, project, hashes), subject=subject, split=split)
                first = records.setdefault((record.source_sha256, record.audio), record).clip_id
                if first != clip_id:
                    raise BadClipError(f"{path.name}: the same recording as {first}")
            except UNREADABLE as error:
                failures.append(ClipFailure(clip_id, inside_project(path, project), why(error)))
    for split, patterns in settings.splits.items():
        if records and split not in {record.split for record in records.values()}:
            raise BadInputError(f"{root}: no usable video matches download.folder.splits.{split} {list(patterns)}")
    return list(records.values()), sorted(failures, key=lambda failure: failure.clip_id)


def clip_ids(paths: Sequence[Path]) -> list[str]:
    """Names that are unique, also where capitals do not count, and safe in any file system.

    Args:
        paths: relative ones, unique.
    """
    names = [_safe(path.with_suffix("").as_posix()) for path in paths]
    twice = {name for name, count in Counter(name.casefold() for name in names).items() if count > 1}
    return [
        f"{name[:_LONGEST]}-{_text_hash(path.as_posix())}" if name.casefold() in twice or len(name) > _LONGEST else name
        for name, path in zip(names, paths, strict=True)
    ]


def _subject(path: Path, clip_id: str, settings: Folder) -> str:
    """Who speaks in the video at this path below the root."""
    for person, patterns in settings.people.items():
        if _matches(path, patterns):
            return person
    return _safe(path.parent.name) if settings.subject == "folder" else clip_id


def _split(path: Path, settings: Folder) -> str:
    """What the video at this path below the root is for; empty where `splits` says nothing at all.

    Raises:
        BadClipError: it says nothing of this one.
        BadInputError: it says two things.
    """
    sides = [split for split, patterns in settings.splits.items() if _matches(path, patterns)]
    if len(sides) > 1:
        name = written_out(path.as_posix())
        raise BadInputError(f"{name}: download.folder.splits names it for {' and '.join(sides)}; it can be in one")
    if settings.splits and not sides:
        raise BadClipError(f"{path.name}: no split of its own: nothing in download.folder.splits matches it")
    return "".join(sides)


def _matches(path: Path, patterns: Sequence[str]) -> bool:
    return any(fnmatch(path.as_posix(), pattern) for pattern in patterns)


def _record(clip_id: str, video: Video, project: Path, hashes: FileHashes) -> ClipRecord:
    sound = None if video.has_sound else _sound_beside(video.path)
    return ClipRecord(
        clip_id=clip_id,
        source=Path(inside_project(video.path, project)),
        source_sha256=hashes.sha256(video.path),
        frames=round(video.seconds * video.fps),
        seconds=round(video.seconds, 3),
        fps=round(video.fps, 3),
        audio=Path(inside_project(sound, project)) if sound else None,
    )


def _sound_beside(video: Path) -> Path | None:
    beside = (video.with_suffix(extension) for suffix in SOUND_SUFFIXES for extension in (suffix, suffix.upper()))
    return next((path for path in beside if path.is_file()), None)


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or _text_hash(name)


def _text_hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:_HASH_DIGITS]

"""HDTF: its lists and videos from the web, or clips as they are distributed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from segtalker.clips.record import ClipFailure, ClipRecord
from segtalker.config.data import Hdtf
from segtalker.datasets.file_walk import UNREADABLE, closed_folders, walk_files, why
from segtalker.datasets.hdtf_lists import HdtfClip, HdtfVideo, fetch_lists, read_lists
from segtalker.datasets.hdtf_videos import Entry, fetch_videos, video_path
from segtalker.media.video import VIDEO_SUFFIXES, open_video
from segtalker.utils.errors import BadClipError, BadInputError
from segtalker.utils.hashing import FileHashes
from segtalker.utils.paths import expand_path, inside_project, written_out
from segtalker.utils.progress import progress

_CLIPS_TABLE = Path(__file__).with_name("hdtf_clips.csv")
_HASHES_FILE = "hashes.json"


@dataclass(frozen=True)
class Member:
    """Where a clip belongs.

    Args:
        subject: who speaks; all of RD are one, for nobody says who speaks there and people come back.
        split: this project's: no subject on two sides.
        published: of a published study, `train`, `test` or empty.
    """

    subject: str
    split: str
    published: str


@dataclass(frozen=True)
class HdtfListing:
    """What became of HDTF.

    Args:
        records: of the clips.
        failures: clips that cannot be used.
        videos: of the lists, empty where clips were given.
        ledger: an entry a video.
    """

    records: list[ClipRecord]
    failures: list[ClipFailure]
    videos: Sequence[HdtfVideo]
    ledger: Sequence[Entry]


def read_members() -> dict[str, Member]:
    """Subject and splits of all 436 clips that the lists name, by clip id."""
    table = pd.read_csv(_CLIPS_TABLE, dtype=str, keep_default_na=False)
    rows = table[["clip_id", "subject", "split", "published"]].to_numpy().tolist()
    return {clip_id: Member(*places) for clip_id, *places in rows}


def shared_subjects(members: Mapping[str, Member]) -> int:
    """How many people are on both sides of the published split."""
    sides = {side: {one.subject for one in members.values() if one.published == side} for side in ("train", "test")}
    return len(sides["train"] & sides["test"])


def hdtf_recordings(settings: Hdtf, project: Path) -> HdtfListing:
    """Lists the clips, after fetching lists and videos, or those of a folder.

    Args:
        settings: where and how.
        project: paths inside it are written relative to it.

    Raises:
        BadInputError: lists cannot be had or read, nothing can be written, or there is nothing at all.
    """
    root = project / expand_path(settings.root, "download.hdtf.root")
    members = read_members()
    if settings.clips:
        return _distributed(expand_path(settings.clips, "download.hdtf.clips"), settings, members, root, project)
    fetch_lists(settings.lists_url, root / "lists", settings.retries)
    videos = [
        selection for video in read_lists(root / "lists") if (selection := _chosen(video, settings.include)) is not None
    ]
    if not videos:
        raise BadInputError(f"download.hdtf.include {list(settings.include)}: no clip of HDTF matches")
    ledger = fetch_videos(videos, settings, root)
    records: list[ClipRecord] = []
    failures: list[ClipFailure] = []
    with FileHashes(root / _HASHES_FILE) as hashes:
        for video, entry in progress(zip(videos, ledger, strict=True), len(videos), "download", unit="video"):
            try:
                if entry.state == "fetched":
                    records += [_record(clip, video, members, settings, root, project, hashes) for clip in video.clips]
                failures += _lost(video, entry)
            except UNREADABLE as error:
                reason = f"{why(error)}; delete it, and it is fetched again"
                failures += [ClipFailure(clip.clip_id, video.url, reason) for clip in video.clips]
    return HdtfListing(records, failures, videos, ledger)


def _chosen(video: HdtfVideo, patterns: Sequence[str]) -> HdtfVideo | None:
    """The video with the clips that patterns choose; one without times stands for itself."""
    names = [clip.clip_id for clip in video.clips] or [video.video_id]
    if not any(fnmatch(name, pattern) for name in names for pattern in patterns):
        return None
    clips = tuple(clip for clip in video.clips if any(fnmatch(clip.clip_id, pattern) for pattern in patterns))
    return HdtfVideo(video.video_id, video.url, video.height, clips)


def _lost(video: HdtfVideo, entry: Entry) -> list[ClipFailure]:
    if not video.clips:
        return [ClipFailure(video.video_id, video.url, "the lists give no times for it")]
    reason = f"video {entry.state}: {entry.reason}"
    missing_clips = video.clips if entry.state != "fetched" else ()
    return [ClipFailure(clip.clip_id, video.url, reason) for clip in missing_clips]


def _record(
    clip: HdtfClip,
    video: HdtfVideo,
    members: Mapping[str, Member],
    settings: Hdtf,
    root: Path,
    project: Path,
    hashes: FileHashes,
) -> ClipRecord:
    path = video_path(root, video.video_id)
    video_reader = open_video(path, "pyav")
    subject, split = _subject_and_split(clip.clip_id, members, settings.split)
    return ClipRecord(
        clip_id=clip.clip_id,
        subject=subject,
        split=split,
        source=Path(inside_project(path, project)),
        source_sha256=hashes.sha256(path),
        frames=round((clip.end_s - clip.start_s) * video_reader.fps),
        seconds=clip.end_s - clip.start_s,
        fps=round(video_reader.fps, 3),
        start_s=clip.start_s,
        end_s=clip.end_s,
        # the box counts pixels of the listed resolution
        box=clip.box if video_reader.height == video.height else None,
        ratio=clip.ratio,
    )


def _subject_and_split(clip_id: str, members: Mapping[str, Member], split: str) -> tuple[str, str]:
    # a clip that the table does not know can only come from changed lists; nobody else may be its subject
    member = members.get(clip_id, Member(clip_id, "", ""))
    return member.subject, member.split if split == "subjects" else member.published


def _distributed(folder: Path, settings: Hdtf, members: Mapping[str, Member], root: Path, project: Path) -> HdtfListing:
    """Clips in their final form: cut, cropped and named as in the published list."""
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder; download.hdtf.clips must name one with HDTF's clips")
    video_files, unreadable_folders = walk_files(folder, VIDEO_SUFFIXES)
    paths = [path for path in video_files if any(fnmatch(path.stem, pattern) for pattern in settings.include)]
    if not paths:
        raise BadInputError(f"{folder}: no clips such as WDA_AdamSchiff_000.mp4 in it")
    records: dict[str, ClipRecord] = {}
    failures = closed_folders(unreadable_folders, [written_out(path.name) for path in unreadable_folders], project)
    with FileHashes(root / _HASHES_FILE) as hashes:
        for path in progress(paths, len(paths), "download", unit="clip"):
            try:
                record = _distributed_record(path, members, settings.split, project, hashes)
                if path.stem in records:
                    raise BadClipError(f"{path.name}: the same clip as {records[path.stem].source}")
                records[path.stem] = record
            except UNREADABLE as error:
                source = inside_project(path, project)
                failures.append(ClipFailure(written_out(path.stem), source, why(error)))
    return HdtfListing(list(records.values()), failures, (), ())


def _distributed_record(
    path: Path, members: Mapping[str, Member], split: str, project: Path, hashes: FileHashes
) -> ClipRecord:
    if path.stem not in members:
        raise BadClipError(f"{path.name}: not the name of a clip of HDTF")
    video_reader = open_video(path, "pyav")
    subject, side = _subject_and_split(path.stem, members, split)
    width, height = float(video_reader.width), float(video_reader.height)
    return ClipRecord(
        clip_id=path.stem,
        subject=subject,
        split=side,
        source=Path(inside_project(path, project)),
        source_sha256=hashes.sha256(path),
        frames=round(video_reader.seconds * video_reader.fps),
        seconds=round(video_reader.seconds, 3),
        fps=round(video_reader.fps, 3),
        # it is cropped already: all of it is the published square
        box=(0.0, 0.0, width, height) if width == height else None,
    )

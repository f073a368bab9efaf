"""MEAD (Wang et al., ECCV 2020): its folders and archives as they are distributed, and single recordings by name.

Nothing is fetched: its terms must be accepted by a person. Archives are unpacked, the chosen recordings only, and
everything that was read once is remembered, so that a run over all of them soon finds what is new.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from segtalker.clips.record import ClipFailure, ClipRecord
from segtalker.clips.worker_pools import usable_cores
from segtalker.config.data import Mead
from segtalker.datasets.file_walk import UNREADABLE, closed_folders, walk_files, why
from segtalker.datasets.folder import clip_ids
from segtalker.datasets.mead_layout import (
    EMOTIONS,
    LEVELS,
    PAGE,
    VIEWS,
    MeadName,
    actor_in,
    parse_sound,
    parse_video,
    published_split,
)
from segtalker.media.audio import SOUND_SUFFIXES
from segtalker.media.video import VIDEO_SUFFIXES, Video, open_video
from segtalker.utils.archives import ARCHIVE_SUFFIXES, unpack
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError
from segtalker.utils.hashing import FileHashes
from segtalker.utils.paths import expand_path, inside_project
from segtalker.utils.progress import progress

ROOT_KEY = "download.mead.root"
_KNOWN_FILE = Path(".cache", "mead.json")
_GIB = 2**30
_EXAMPLES = "M003/video/front/angry/level_1/001.mp4 or M003_front_angry_1_001.mp4"


class _File(NamedTuple):
    """A file, and the path by which it is known what it is.

    Args:
        path: where it lies.
        place: its path without suffix as in the dataset, from the root or through an archive.
    """

    path: Path
    place: str


class _Recording(NamedTuple):
    """A video that was chosen.

    Args:
        name: which one.
        path: where it lies.
        sound: the sound file that belongs to it, if there is one.
    """

    name: MeadName
    path: Path
    sound: Path | None


def mead_recordings(settings: Mead, project: Path) -> tuple[list[ClipRecord], list[ClipFailure]]:
    """Lists the chosen recordings, after unpacking the archives they are in.

    Args:
        settings: where and which.
        project: paths inside it are written relative to it.

    Returns:
        Records of the clips, in groups by `emotion`, `level` and `view`, and what cannot be used, in order of clip id.

    Raises:
        BadInputError: nothing is there, an archive cannot be unpacked, or a param names what MEAD does not have.
    """
    _check(settings)
    root = _root(settings)
    target = project / expand_path(settings.unpack_to, "download.mead.unpack_to")
    dataset_files, unreadable_folders = walk_files(root, (*ARCHIVE_SUFFIXES, *VIDEO_SUFFIXES, *SOUND_SUFFIXES))
    archives = [path for path in _archives(dataset_files) if _actor_chosen(_place(path, root), settings)]
    files = _unpacked(archives, root, target, settings) + _loose(dataset_files, root, archives, target)
    recordings, failures = _recordings(files, settings, project)
    failures += closed_folders(
        unreadable_folders, clip_ids([path.relative_to(root) for path in unreadable_folders]), project
    )
    if not recordings and not failures:
        raise BadInputError(f"{root}: none of MEAD's recordings that download.mead chooses; {_how_to_get()}")
    records, read_failures = _read(recordings, settings.split, project)
    return records, sorted(failures + read_failures, key=lambda failure: failure.clip_id)


def _how_to_get() -> str:
    return (
        f"a person must accept its terms at {PAGE} and fetch the archives of the actors; put them into one folder and"
        f" name it: --set {ROOT_KEY}=DIR"
    )


def _root(settings: Mead) -> Path:
    if not settings.root:
        raise BadInputError(f"{ROOT_KEY} is empty: MEAD cannot be fetched by this project; {_how_to_get()}")
    root = expand_path(settings.root, ROOT_KEY)
    if not root.is_dir():
        raise BadInputError(f"{root}: no such folder; {_how_to_get()}")
    return root.resolve()


def _check(settings: Mead) -> None:
    choices: dict[str, tuple[Sequence[Any], Sequence[Any]]] = {
        "views": (settings.views, VIEWS),
        "emotions": (settings.emotions, EMOTIONS),
        "levels": (settings.levels, LEVELS),
    }
    for key, (asked_names, known_names) in choices.items():
        for value in set(asked_names) - set(known_names):
            raise BadInputError(f"download.mead.{key}: {value!r} is none of {', '.join(map(str, known_names))}")
    for actor in settings.actors:
        if actor_in(actor) != actor:
            raise BadInputError(f"download.mead.actors: {actor!r} is no actor; their names are like M003 and W009")


def _chosen(name: MeadName | None, settings: Mead) -> bool:
    return name is not None and all(
        not allowed_values or value in allowed_values
        for value, allowed_values in (
            (name.actor, settings.actors),
            (name.emotion, settings.emotions),
            (name.level, settings.levels),
            (name.view, settings.views),
        )
    )


def _sound_chosen(name: MeadName | None, settings: Mead) -> bool:
    """A sound belongs to all views."""
    return _chosen(name, settings.model_copy(update={"views": ()}))


def _actor_chosen(place: str, settings: Mead) -> bool:
    actor = actor_in(place)
    return not settings.actors or actor is None or actor in settings.actors


def _suffix(path: Path | str, known_suffixes: Sequence[str]) -> str | None:
    name = str(path).casefold()
    return max((suffix for suffix in known_suffixes if name.endswith(suffix)), key=len, default=None)


def _place(path: Path, root: Path) -> str:
    """Path without suffix from the root on; the root's own name may be the actor's."""
    place = f"{root.name}/{path.relative_to(root).as_posix()}"
    suffix = _suffix(path, (*ARCHIVE_SUFFIXES, *VIDEO_SUFFIXES, *SOUND_SUFFIXES)) or ""
    return place[: len(place) - len(suffix)]


def _archives(dataset_files: Sequence[Path]) -> list[Path]:
    """Archives that nobody unpacked beside themselves."""
    return [path for path in dataset_files if _suffix(path, ARCHIVE_SUFFIXES) and not _unpacked_beside(path)]


def _unpacked_beside(archive: Path) -> bool:
    folder = archive.with_name(archive.name[: -len(_suffix(archive, ARCHIVE_SUFFIXES) or "")])
    return (folder / "video").is_dir() or (folder.name in ("video", "audio") and folder.is_dir())


def _target(archive: Path, root: Path, target: Path) -> Path:
    # not the archive's own name: root and target may be the same folder
    return target / archive.relative_to(root).with_name(archive.name.replace(".", "_"))


def _unpacked(archives: Sequence[Path], root: Path, target: Path, settings: Mead) -> list[_File]:
    files = []
    for archive in archives:
        place, folder = _place(archive, root), _target(archive, root, target)
        for path in unpack(archive, folder, int(settings.max_gib * _GIB), _member_wanted(place, settings)):
            files.append(_File(path, f"{place}/{path.relative_to(folder).with_suffix('').as_posix()}"))
    return files


def _member_wanted(place: str, settings: Mead) -> Callable[[str], bool]:
    def wanted(member: str) -> bool:
        path = Path(place, member).with_suffix("").as_posix()
        if _suffix(member, VIDEO_SUFFIXES):
            return _chosen(parse_video(path), settings)
        return _suffix(member, SOUND_SUFFIXES) is not None and _sound_chosen(parse_sound(path), settings)

    return wanted


def _loose(dataset_files: Sequence[Path], root: Path, archives: Sequence[Path], target: Path) -> list[_File]:
    """Files below the root that came out of no archive of ours."""
    ours = {_target(archive, root, target).resolve() for archive in archives}
    return [
        _File(path, _place(path, root))
        for path in dataset_files
        if _suffix(path, (*VIDEO_SUFFIXES, *SOUND_SUFFIXES)) and not ours.intersection(path.parents)
    ]


def _recordings(files: Sequence[_File], settings: Mead, project: Path) -> tuple[list[_Recording], list[ClipFailure]]:
    sounds: dict[tuple[str, str, int, int], Path] = {}
    for file in files:
        name = parse_sound(file.place) if _suffix(file.path, SOUND_SUFFIXES) else None
        if name is not None:
            sounds.setdefault(name.sound, file.path)
    videos = [file for file in files if _suffix(file.path, VIDEO_SUFFIXES)]
    by_clip_id: dict[str, _Recording] = {}
    failures: list[ClipFailure] = []
    for file, other_id in zip(videos, clip_ids([Path(file.place) for file in videos]), strict=True):
        name, source = parse_video(file.place), inside_project(file.path, project)
        if name is None:
            reason = f"{file.path.name}: its path does not say which recording of MEAD it is, as {_EXAMPLES} do"
            failures.append(ClipFailure(other_id, source, reason))
        elif _chosen(name, settings):
            first_recording = by_clip_id.setdefault(name.clip_id, _Recording(name, file.path, sounds.get(name.sound)))
            if first_recording.path != file.path:
                reason = f"{file.path.name}: the same recording as {inside_project(first_recording.path, project)}"
                failures.append(ClipFailure(other_id, source, reason))
    return [by_clip_id[clip_id] for clip_id in sorted(by_clip_id)], failures


def _read(recordings: Sequence[_Recording], split: str, project: Path) -> tuple[list[ClipRecord], list[ClipFailure]]:
    """Opens the videos, several at a time; broken ones are failures."""
    records: list[ClipRecord] = []
    failures: list[ClipFailure] = []
    fact = f"video {code_hash(Video.__module__)}"
    pool = ThreadPoolExecutor(usable_cores())
    with FileHashes(project / _KNOWN_FILE) as file_hashes:

        def read(recording: _Recording) -> ClipRecord:
            facts = file_hashes.fact(recording.path, fact, _facts)
            side = published_split(recording.name.actor) if split == "published" else ""
            return _record(recording, side, facts, file_hashes.sha256(recording.path), project)

        futures = [pool.submit(read, recording) for recording in recordings]
        try:
            for recording, future in progress(
                zip(recordings, futures, strict=True), len(recordings), "download", unit="clip"
            ):
                try:
                    records.append(future.result())
                except UNREADABLE as error:
                    source = inside_project(recording.path, project)
                    failures.append(ClipFailure(recording.name.clip_id, source, why(error)))
        finally:
            pool.shutdown(cancel_futures=True)
    return records, failures


def _facts(path: Path) -> dict[str, Any]:
    opened_video = open_video(path, "pyav")
    return {"seconds": opened_video.seconds, "fps": opened_video.fps, "sound": opened_video.has_sound}


def _record(recording: _Recording, split: str, facts: dict[str, Any], sha256: str, project: Path) -> ClipRecord:
    name, sound = recording.name, None if facts["sound"] else recording.sound
    return ClipRecord(
        clip_id=name.clip_id,
        subject=name.actor,
        split=split,
        source=Path(inside_project(recording.path, project)),
        source_sha256=sha256,
        frames=round(facts["seconds"] * facts["fps"]),
        seconds=round(facts["seconds"], 3),
        fps=round(facts["fps"], 3),
        audio=Path(inside_project(sound, project)) if sound else None,
        groups={"emotion": name.emotion, "level": str(name.level), "view": name.view},
    )

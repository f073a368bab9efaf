"""What of MEAD is there and what is missing, as a page."""

from collections import Counter
from collections.abc import Iterable, Sequence

from segtalker.clips.record import SPLITS, ClipFailure, ClipRecord
from segtalker.config.data import Mead
from segtalker.datasets.mead_layout import EMOTIONS, LEVELS, PAGE, TEST_ACTORS, TRAIN_ACTORS, VAL_ACTORS, VIEWS

_TERMS = (
    f"MEAD ({PAGE}): for non-commercial research, not to be passed on. Cite Wang et al., MEAD: A Large-scale"
    " Audio-visual Dataset for Emotional Talking-face Generation, ECCV 2020."
)


def mead_report(records: Sequence[ClipRecord], failures: Sequence[ClipFailure], settings: Mead) -> str:
    """A page in Markdown: sizes, splits, each actor's recordings, and the holes in what should be regular.

    Args:
        records: of the recordings, see `segtalker.datasets.mead.mead_recordings`.
        failures: of `failures.csv`.
        settings: what was chosen.
    """
    actor_names = settings.actors or sorted(TRAIN_ACTORS + VAL_ACTORS + TEST_ACTORS)
    there = {record.subject for record in records}
    missing = [actor for actor in actor_names if actor not in there]
    whose = "chosen actors" if settings.actors else "actors of the published lists"
    lines = [
        "# MEAD",
        "",
        _TERMS,
        "",
        f"Recordings: {len(records)}, minutes: {_minutes(records):.1f}, actors: {len(there)}; not to be used:"
        f" {len(failures)}, see `failures.csv`.",
        "",
        f"Of {len(actor_names)} {whose} {len(missing)} are missing{': ' + ', '.join(missing) if missing else ''}.",
        "",
        *_splits(records),
        "## Recordings of each emotion, by level",
        "",
        "`30/30/29`: so many of level 1, 2 and 3; `neutral` has one level.",
        "",
        *_actors(records, settings),
        "## Missing",
        "",
        *_holes(records, settings),
    ]
    return "\n".join(lines) + "\n"


def _minutes(records: Iterable[ClipRecord]) -> float:
    return sum(record.seconds for record in records) / 60


def _table(header: Sequence[str], body: Iterable[Sequence[object]]) -> list[str]:
    lines = [header, ["---"] * len(header), *body]
    return [*(f"| {' | '.join(map(str, line))} |" for line in lines), ""]


def _splits(records: Sequence[ClipRecord]) -> list[str]:
    parts = {split: [record for record in records if record.split == split] for split in SPLITS}
    if not any(parts.values()):
        return ["The actors are split later, by a hash of their names.", ""]
    body = [
        (split, len({record.subject for record in part}), len(part), f"{_minutes(part):.1f}")
        for split, part in parts.items()
    ]
    return _table(("split", "actors", "recordings", "minutes"), body)


def _levels(emotion: str, settings: Mead) -> list[int]:
    """Levels of an emotion that are chosen."""
    return [
        level
        for level in LEVELS
        if (not settings.levels or level in settings.levels) and (emotion != "neutral" or level == LEVELS[0])
    ]


def _emotions(settings: Mead) -> list[str]:
    return [emotion for emotion in EMOTIONS if not settings.emotions or emotion in settings.emotions]


def _views(settings: Mead) -> list[str]:
    return [view for view in VIEWS if not settings.views or view in settings.views]


def _actors(records: Sequence[ClipRecord], settings: Mead) -> list[str]:
    counts = Counter(
        (record.subject, record.groups["view"], record.groups["emotion"], int(record.groups["level"]))
        for record in records
    )
    emotions = _emotions(settings)
    body = []
    for actor, view in sorted({(record.subject, record.groups["view"]) for record in records}):
        own = [record for record in records if record.subject == actor and record.groups["view"] == view]
        cells = [
            "/".join(str(counts[actor, view, emotion, level]) for level in _levels(emotion, settings))
            for emotion in emotions
        ]
        body.append((actor, view, own[0].split, len(own), f"{_minutes(own):.1f}", *cells))
    return _table(("actor", "view", "split", "recordings", "minutes", *emotions), body)


def _holes(records: Sequence[ClipRecord], settings: Mead) -> list[str]:
    """What the actors that are there lack: views, emotions at a level, numbers left out."""
    lines = []
    for actor in sorted({record.subject for record in records}):
        own = [record for record in records if record.subject == actor]
        views = [view for view in _views(settings) if any(record.groups["view"] == view for record in own)]
        lacking = [f"no view {view}" for view in _views(settings) if view not in views]
        for view in views:
            lacking += _holes_of_view([record for record in own if record.groups["view"] == view], view, settings)
        lines += [f"- {actor}: {'; '.join(lacking)}"] if lacking else []
    return lines or ["Nothing: each actor has each chosen view, emotion and level, without a gap in the numbers."]


def _holes_of_view(records: Sequence[ClipRecord], view: str, settings: Mead) -> list[str]:
    holes = []
    for emotion in _emotions(settings):
        for level in _levels(emotion, settings):
            cell = [
                record
                for record in records
                if record.groups["emotion"] == emotion and int(record.groups["level"]) == level
            ]
            numbers = {int(record.clip_id.rpartition("_")[2]) for record in cell}
            gaps = sorted(set(range(1, max(numbers, default=0))) - numbers)
            if not numbers:
                holes.append(f"{view} {emotion} level {level}")
            elif gaps:
                holes.append(f"{view} {emotion} level {level} without {', '.join(f'{number:03d}' for number in gaps)}")
    return holes

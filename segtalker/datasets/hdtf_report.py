"""What of HDTF came and what is gone, as a page."""

from collections.abc import Iterable, Sequence

from segtalker.clips.record import SPLITS
from segtalker.datasets.hdtf import HdtfListing, read_members, shared_subjects
from segtalker.datasets.hdtf_lists import HdtfVideo
from segtalker.datasets.hdtf_videos import Entry

_TERMS = (
    "HDTF (https://github.com/MRzzm/HDTF): lists CC BY 4.0, videos their owners'. Cite Zhang et al., Flow-guided"
    " One-shot Talking Face Generation with a High-resolution Audio-visual Dataset, CVPR 2021."
)
_OWN = "`subjects`, this project's: nobody is on two sides. All of RD is one subject, for nobody says who speaks there."


def hdtf_report(listing: HdtfListing, split: str) -> str:
    """A page in Markdown: what was fetched, what is missing and why, and the splits.

    Args:
        listing: what became of it.
        split: which split is used, `subjects` or `published`.
    """
    lines = ["# HDTF", "", _TERMS, ""]
    if listing.videos:
        lines += [*_totals(listing), "## Missing", "", *_missing(listing)]
    else:
        lines += [
            f"{len(listing.records)} clips in their distributed form, {len(listing.failures)} files that are none.",
            "",
        ]
    return "\n".join([*lines, "## Splits", "", *_splits(listing, split)]) + "\n"


def _minutes(seconds: Iterable[float]) -> str:
    return f"{sum(seconds) / 60:.1f}"


def _clip_minutes(videos: Iterable[HdtfVideo]) -> str:
    return _minutes(clip.end_s - clip.start_s for video in videos for clip in video.clips)


def _table(header: Sequence[str], body: Iterable[Sequence[object]]) -> list[str]:
    rows = [header, ["---"] * len(header), *body]
    return [*(f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in rows), ""]


def _totals(listing: HdtfListing) -> list[str]:
    by_state: dict[str, list[tuple[HdtfVideo, Entry]]] = {"fetched": [], "missing": [], "failed": []}
    for video, entry in zip(listing.videos, listing.ledger, strict=True):
        by_state[entry.state].append((video, entry))
    body = [
        (state, len(pairs), sum(len(video.clips) for video, _ in pairs), _clip_minutes(video for video, _ in pairs))
        for state, pairs in by_state.items()
    ]
    clips = sum(len(video.clips) for video in listing.videos)
    body.append(("listed", len(listing.videos), clips, _clip_minutes(listing.videos)))
    boxes = sum(record.box is not None for record in listing.records)
    full_size = sum(entry.state == "fetched" and entry.height == entry.listed_height for entry in listing.ledger)
    boxless = sum(not clip.box for video in listing.videos for clip in video.clips)
    return [
        *_table(("", "videos", "clips", "minutes of clips"), body),
        f"{full_size} of {len(by_state['fetched'])} fetched videos have the listed resolution, so the published square"
        f" holds for {boxes} clips; the others are cropped by the detector and the published ratio. {boxless} clips"
        " have no published square.",
        "",
    ]


def _missing(listing: HdtfListing) -> list[str]:
    pairs = list(zip(listing.videos, listing.ledger, strict=True))
    rows = [
        (video.video_id, f"{entry.state}: {entry.reason}", len(video.clips), _clip_minutes([video]), entry.when)
        for video, entry in pairs
        if entry.state != "fetched"
    ]
    rows += [
        (video.video_id, "the lists give no times for it", 0, "0.0", entry.when)
        for video, entry in pairs
        if entry.state == "fetched" and not video.clips
    ]
    if not rows:
        return ["Nothing.", ""]
    return [
        *_table(("video", "reason", "clips", "minutes", "last asked"), rows),
        "What failed is asked for again in the next run; what is missing only with"
        " `--set download.hdtf.retry_missing=true`.",
        "",
    ]


def _splits(listing: HdtfListing, split: str) -> list[str]:
    members = read_members()
    parts = {side: [record for record in listing.records if record.split == side] for side in SPLITS}
    body = [
        (side, len({record.subject for record in part}), len(part), _minutes(record.seconds for record in part))
        for side, part in parts.items()
    ]
    neither = sum(not member.published for member in members.values())
    published_note = (
        f"`published`, of a published study: {shared_subjects(members)} people are on both sides of it, {neither} of"
        f" {len(members)} clips on neither."
    )
    return [_OWN if split == "subjects" else published_note, "", *_table(("split", "people", "clips", "minutes"), body)]

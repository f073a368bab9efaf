"""HDTF's videos: fetched by yt-dlp, and a ledger of what came and what is gone."""

import random
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pandas as pd
import yt_dlp

from segtalker.config.data import Hdtf
from segtalker.datasets.hdtf_lists import HdtfVideo
from segtalker.media.video import open_video
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadClipError, BadInputError
from segtalker.utils.paths import expand_path
from segtalker.utils.progress import progress_bar

LEDGER_FILE = "ledger.csv"
_COLUMNS = ("video", "url", "state", "reason", "listed_height", "height", "seconds", "when", "tries")
_MIB = 2**20
_TIMEOUT_S = 30.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_PREFIX = re.compile(r"^(ERROR:\s*)?(\[[^\]]+\]\s*)?([\w-]{6,}:\s+)?")
# what a site says of a video that will not come back; anything else may pass
_GONE = re.compile(
    r"private|removed|terminated|no longer available|not available|unavailable|does not exist|deleted|copyright"
    r"|blocked|sign in|log in|age.restricted|members.only|HTTP Error 4(0[14]|10|51)|Unsupported URL",
    re.IGNORECASE,
)
_STUMBLES = re.compile(r"HTTP Error 5\d\d")
# what it says of whoever asks; asking on makes it worse
_TURNED_AWAY = re.compile(r"not a bot|rate.limit|try again later|too many requests|HTTP Error 4(03|29)", re.IGNORECASE)
_SPACE = re.compile(r"No space left|Read-only file system|Permission denied", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """What is known of a video.

    Args:
        video: its id.
        url: where it was looked for.
        state: `fetched`, `missing` (gone; not asked for again) or `failed` (asked for again in the next run).
        reason: why it is not there.
        listed_height: resolution of the lists, 0 where they have none.
        height: of what was fetched, px.
        seconds: its length.
        when: day of the last try.
        tries: how often it was asked for.
    """

    video: str
    url: str
    state: str
    reason: str
    listed_height: int
    height: int
    seconds: float
    when: str
    tries: int


class _Silence:
    """A logger that yt-dlp talks to and nobody hears; failures come as exceptions."""

    def debug(self, message: str) -> None:
        """Progress and remarks."""

    warning = error = info = debug


def video_path(root: Path, video_id: str) -> Path:
    """Where a video is kept."""
    return root / "videos" / f"{video_id}.mp4"


def fetch_videos(videos: Sequence[HdtfVideo], settings: Hdtf, root: Path) -> list[Entry]:
    """Fetches the videos that are not there and keeps the ledger, which is written after each of them.

    Args:
        videos: from the lists.
        settings: how.
        root: where videos and ledger are kept.

    Returns:
        An entry a video, in their order.

    Raises:
        BadInputError: nothing can be written there, or the file of cookies is missing.
    """
    cookies = expand_path(settings.cookies, "download.hdtf.cookies") if settings.cookies else None
    if cookies and not cookies.is_file():
        raise BadInputError(f"{cookies}: no such file; download.hdtf.cookies must name a cookies.txt")
    ledger_entries = read_ledger(root / LEDGER_FILE)
    request_count = 0
    with progress_bar(len(videos), "HDTF videos", "video") as bar:
        for video in videos:
            entry = ledger_entries.get(video.video_id)
            if not _settled(entry, video, settings.retry_missing, root):
                if request_count:
                    time.sleep(random.uniform(*settings.pause_s))
                here = video_path(root, video.video_id).is_file()
                request_count += not here
                tries = (entry.tries if entry else 0) + (not here)
                ledger_entries[video.video_id] = _fetch(video, settings, cookies, root, tries)
                _write_ledger(root / LEDGER_FILE, ledger_entries)
            bar.update()
    return [ledger_entries[video.video_id] for video in videos]


def read_ledger(path: Path) -> dict[str, Entry]:
    """Entries by video; none where there is no ledger yet.

    Raises:
        BadInputError: the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        text = dict.fromkeys(("video", "url", "state", "reason", "when"), str)
        table = pd.read_csv(path, dtype=text, keep_default_na=False)
        rows: list[dict[str, Any]] = table[list(_COLUMNS)].to_dict("records")  # type: ignore[assignment]
        return {row["video"]: Entry(**row) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{path}: a damaged ledger; delete it, videos that are there are not fetched again"
        ) from error


def _write_ledger(path: Path, ledger_entries: dict[str, Entry]) -> None:
    table = pd.DataFrame([asdict(entry) for entry in ledger_entries.values()], columns=list(_COLUMNS))
    with atomic_file(path) as temporary:
        table.sort_values("video").to_csv(temporary, index=False)


def _settled(entry: Entry | None, video: HdtfVideo, retry_missing: bool, root: Path) -> bool:
    if entry is None or entry.url != video.url:
        return False
    there = video_path(root, video.video_id).is_file()
    return there if entry.state == "fetched" else entry.state == "missing" and not there and not retry_missing


def _fetch(video: HdtfVideo, settings: Hdtf, cookies: Path | None, root: Path, tries: int) -> Entry:
    """Fetches one video unless it is there, by yt-dlp or by hand, and looks at it."""
    path = video_path(root, video.video_id)
    by_hand = path.is_file()

    def entry(state: str, reason: str, height: int = 0, seconds: float = 0.0) -> Entry:
        day = date.today().isoformat()
        return Entry(video.video_id, video.url, state, reason, video.height, height, seconds, day, tries)

    if not video.url.startswith(("http://", "https://")):
        return entry("missing", f"no address of the web: {video.url}")
    try:
        if not by_hand:
            _download(video, settings, cookies, path)
        opened_video = open_video(path, "pyav")
    except BadClipError as error:
        if by_hand:
            return entry("failed", f"{error}; it was there already: replace it, or delete it to have it fetched")
        path.unlink(missing_ok=True)
        return entry("failed", f"what came is no video ({error})")
    except yt_dlp.utils.YoutubeDLError as error:
        reason = plain_reason(str(error))
        advice = "; run again later, or set download.hdtf.cookies" if _TURNED_AWAY.search(reason) else ""
        return entry("missing" if is_gone(reason) else "failed", reason + advice)
    return entry("fetched", "", opened_video.height, round(opened_video.seconds, 3))


def is_gone(reason: str) -> bool:
    """Whether a video will not come back, by what the site says of it."""
    return bool(_GONE.search(reason)) and not _STUMBLES.search(reason) and not _TURNED_AWAY.search(reason)


def plain_reason(message: str) -> str:
    """What yt-dlp says, on one line, without colours and names of its parts."""
    line = _COLOURS.sub("", message).strip().splitlines()[0] if message.strip() else "no reason given"
    return _PREFIX.sub("", line).split("; please report")[0].strip()


def _wait_s(n: int) -> float:
    """Seconds before the next try of a request."""
    return min(_FIRST_WAIT_S * 2.0**n, _LONGEST_WAIT_S)


def options(video: HdtfVideo, settings: Hdtf, cookies: Path | None, path: Path) -> dict[str, Any]:
    """What yt-dlp is told: the listed resolution if it is to be had, else the best; one video, one file."""
    best = f"bestvideo[height={video.height}]+bestaudio/best[height={video.height}]/" if video.height else ""
    return {
        "format": f"{best}bestvideo+bestaudio/best",
        "outtmpl": {"default": path.with_suffix("").as_posix().replace("%", "%%") + ".%(ext)s"},
        "merge_output_format": "mp4",
        "final_ext": "mp4",
        "postprocessors": [{"key": "FFmpegVideoRemuxer", "preferedformat": "mp4"}],
        "ffmpeg_location": imageio_ffmpeg.get_ffmpeg_exe(),
        "noplaylist": True,
        "continuedl": True,
        "retries": settings.retries,
        "fragment_retries": settings.retries,
        "extractor_retries": settings.retries,
        "file_access_retries": 0,
        "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), _wait_s),
        "ratelimit": settings.rate_limit_mib * _MIB if settings.rate_limit_mib else None,
        "socket_timeout": _TIMEOUT_S,
        "cookiefile": str(cookies) if cookies else None,
        "cachedir": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "color": "no_color",
        "logger": _Silence(),
        "updatetime": False,
    }


def _download(video: HdtfVideo, settings: Hdtf, cookies: Path | None, path: Path) -> None:
    """Asks until it comes, is gone, or has been asked for often enough; what came so far is kept."""
    for attempt in range(settings.retries + 1):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with yt_dlp.YoutubeDL(options(video, settings, cookies, path)) as downloader:
                downloader.download([video.url])
            break
        except OSError as error:
            raise BadInputError(
                f"{path.parent}: cannot be written ({error.strerror}); set download.hdtf.root"
            ) from error
        except yt_dlp.utils.YoutubeDLError as error:
            reason = plain_reason(str(error))
            if _SPACE.search(reason):
                raise BadInputError(f"{path.parent}: {reason}; make room, or set download.hdtf.root") from error
            if is_gone(reason) or _TURNED_AWAY.search(reason) or attempt == settings.retries:
                raise
            time.sleep(_wait_s(attempt))
    if not path.is_file():
        raise yt_dlp.utils.YoutubeDLError("nothing came")

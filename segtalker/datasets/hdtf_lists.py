"""HDTF's annotation lists: which videos, which stretches of them, and where the face is.

Z. Zhang et al., "Flow-guided One-shot Talking Face Generation with a High-resolution Audio-visual Dataset", CVPR 2021;
lists CC BY 4.0. Five files for each of three subsets, one row a video or clip, fields apart by blanks.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from segtalker.utils.download import fetch_file
from segtalker.utils.errors import BadInputError

SUBSETS = ("RD", "WDA", "WRA")
KINDS = ("video_url", "resolution", "annotion_time", "crop_wh", "crop_ratio")
# of the revision that download.hdtf.lists_url names
SHA256 = {
    "RD_annotion_time": "6e0e3b8139697d64ce92f252c9eb62d268b9262c628682803b9aed282f2068a7",
    "RD_crop_ratio": "4d40ce76731d2796f5415fcbba4a173551d634cbcca49862cfaac9cd8a2c6370",
    "RD_crop_wh": "5887006297bc96b91af5f2dae51ffc2f46816dcf1018325666fda756dabeb6f6",
    "RD_resolution": "b4797a0fada19918ffef4f39447675fe1187f48d1292955ecfb7e7754092e384",
    "RD_video_url": "ae197ad34dc155082897637db41a298fe19fa937df4bfdc1b6aad021fcf2418e",
    "WDA_annotion_time": "b7fb834e95918d6e87deb7afc9da8dc1c1c17ab454dc33887fe16fe945586f61",
    "WDA_crop_ratio": "0445c39a50b264636f5c04ea236e53aea17afdbed9c48b516bc04e94ae42736a",
    "WDA_crop_wh": "3a2c1ba0255e05ec4a3d2a47180f16b0eba1e60976ee146d0162b872e473e151",
    "WDA_resolution": "b9dbc35320b09b57771ec79c1aedc3624bda872c51390232631cce3444e0c10d",
    "WDA_video_url": "a8cee0c92ac59f27fead5a2e6a5387beadcca8b80134f7dcb433f18f1ee86586",
    "WRA_annotion_time": "7a49a55a841a45ab41cd1ff64f18bb83e79fa5799d1178d3ca36490eed54f1ed",
    "WRA_crop_ratio": "a4ff43641aca3435bc5cfb34d1038c735afcad1557442bd4a600c6dddf8688d0",
    "WRA_crop_wh": "fd08b34596f0b5d3df7859bac7f4fd339aaf35b466ee018b3fdb8feab75838f2",
    "WRA_resolution": "10108707a870259fde4f404eb3ab1617bbece3bbb8a176eb1120db1c7d3d9fc5",
    "WRA_video_url": "04fd736a4c312a25309071d4b9e55c1989de5e3f37d2e54081c8bfc4dad84def",
}
_NUMBER = re.compile(r"\d+(\.\d+)?")
_TIME = re.compile(r"(?:(\d+):)?(\d+):(\d+)")


@dataclass(frozen=True)
class HdtfClip:
    """A stretch of a video with a talking face.

    Args:
        clip_id: as distributed, `WDA_AdamSchiff_000` (the lists say `AdamSchiff_0`).
        start_s: from the beginning of the video.
        end_s: from the beginning of the video.
        box: published square: x, y, width and height, pixels of the listed resolution.
        ratio: published enlargement of the faces' square.
    """

    clip_id: str
    start_s: float
    end_s: float
    box: tuple[float, float, float, float] | None
    ratio: float | None


@dataclass(frozen=True)
class HdtfVideo:
    """A video and its clips.

    Args:
        video_id: subset and name, `WDA_AdamSchiff`.
        url: where it is, or was.
        height: resolution the boxes belong to, px; 0 where it is not known.
        clips: empty where the lists give no times.
    """

    video_id: str
    url: str
    height: int
    clips: tuple[HdtfClip, ...]


def fetch_lists(url: str, folder: Path, retries: int) -> None:
    """Fetches the fifteen lists that are not there yet; errors as of `segtalker.utils.download.fetch_file`."""
    for name, sha256 in SHA256.items():
        fetch_file(f"{url.rstrip('/')}/{name}.txt", folder / f"{name}.txt", sha256, retries, f"HDTF {name}")


def read_lists(folder: Path) -> list[HdtfVideo]:
    """Reads the lists of all subsets.

    Raises:
        BadInputError: a list is missing, or a row is not as it should be.
    """
    return [video for subset in SUBSETS for video in _videos(folder, subset)]


def _videos(folder: Path, subset: str) -> Iterator[HdtfVideo]:
    urls, heights, times, boxes, ratios = (_table(folder / f"{subset}_{kind}.txt") for kind in KINDS)
    for name, (place, fields) in urls.items():
        if len(fields) != 1:
            raise BadInputError(f"{place}: expected a name and an address")
        height = _height(*heights[name]) if name in heights else 0
        clips = tuple(_clips(f"{subset}_{name}", name, times, boxes, ratios))
        yield HdtfVideo(f"{subset}_{name}", fields[0], height, clips)


_Rows = Mapping[str, tuple[str, list[str]]]


def _table(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Rows by their first field without `.mp4`: where each stands and its other fields."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not a readable list ({error}); delete it, it is fetched again then") from error
    rows = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            first, *fields = line.split()
            rows[first.removesuffix(".mp4")] = (f"{path}:{number}", fields)
    return rows


def _height(place: str, fields: list[str]) -> int:
    if len(fields) != 1 or not fields[0].isdigit():
        raise BadInputError(f"{place}: expected a name and a resolution")
    return int(fields[0])


def _clips(video_id: str, name: str, times: _Rows, boxes: _Rows, ratios: _Rows) -> Iterator[HdtfClip]:
    place, spans = times.get(name, ("", []))
    for index, span in enumerate(spans):
        start_s, end_s = _span(place, span)
        box, ratio = _numbers(boxes, f"{name}_{index}", 4), _numbers(ratios, f"{name}_{index}", 1)
        # a row of the list is x, width, y, height
        square = (box[0], box[2], box[1], box[3]) if box else None
        yield HdtfClip(f"{video_id}_{index:03d}", start_s, end_s, square, ratio[0] if ratio else None)


def _numbers(rows: _Rows, key: str, count: int) -> list[float]:
    """The numbers of a clip; none where it has no row."""
    if key not in rows:
        return []
    place, fields = rows[key]
    if len(fields) != count or not all(_NUMBER.fullmatch(field) for field in fields):
        raise BadInputError(f"{place}: expected {count} number(s) after the name")
    return [float(field) for field in fields]


def _span(place: str, text: str) -> tuple[float, float]:
    start, _, end = text.partition("-")
    edges = [_seconds(part) for part in (start, end)]
    if edges[0] is None or edges[1] is None or edges[0] >= edges[1]:
        raise BadInputError(f"{place}: {text!r} is no stretch of time such as 00:30-01:00")
    return edges[0], edges[1]


def _seconds(text: str) -> float | None:
    time_match = _TIME.fullmatch(text)
    if not time_match:
        return None
    hours, minutes, seconds = (int(part or 0) for part in time_match.groups())
    return 3600.0 * hours + 60.0 * minutes + seconds

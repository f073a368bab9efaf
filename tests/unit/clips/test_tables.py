"""Tables give back the records they were given, and one that is damaged is said in one line."""

import csv
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtalker.clips.record import ClipFailure, ClipQuality, ClipRecord, DroppedClip, DroppedSpan
from segtalker.clips.tables import read_records, write_records
from segtalker.utils.errors import BadInputError

QUALITY = ClipQuality(face_px=81.5, sharpness=120.0, yaw_deg=3.1, pitch_deg=0.0, cuts=0)
BARE = ClipRecord(clip_id="007", source=Path("raw/007.mp4"))
FULL = ClipRecord(
    clip_id="a-01",
    subject="anna, the first",
    split="train",
    dataset="folder",
    source=Path('raw/a "b".mp4'),
    source_sha256="ab" * 32,
    frames=100,
    seconds=4.0,
    fps=29.97,
    audio=Path("raw/a.wav"),
    annotations=Path("data/download/x/clips/a"),
    start_s=0.0,
    end_s=4.04,
    face=(100.5, 80.0, 64.25),
    box=(1.0, 2.0, 300.0, 300.0),
    ratio=1.25,
    quality=replace(QUALITY, offset=-3, confidence=4.2, sound="corrected"),
    flicker=0.012,
    flicker_raw=0.034,
    groups={"emotion": "angry", "level": "3"},
)
finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


def header(path: Path) -> list[str]:
    """Names of the columns."""
    return next(csv.reader(path.open(encoding="utf-8")))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_records(tmp_path / "clips.csv", [FULL, BARE], ClipRecord)
    assert read_records(tmp_path / "clips.csv", ClipRecord) == [BARE, FULL]


@settings(max_examples=80, deadline=None)
@given(
    records=st.lists(
        st.builds(
            ClipRecord,
            clip_id=text.filter(bool),
            subject=text,
            split=st.sampled_from(["", "train", "val", "test"]),
            source=st.just(Path("a b.mp4")),
            frames=st.integers(0, 10**6),
            seconds=finite,
            fps=st.none() | finite,
            start_s=st.none() | finite,
            face=st.none() | st.tuples(finite, finite, finite),
            quality=st.none() | st.just(QUALITY),
            groups=st.dictionaries(st.sampled_from(["emotion", "view"]), text.filter(bool)),
        ),
        unique_by=lambda record: record.clip_id,
    )
)
def test_any_record_comes_back(records: list[ClipRecord]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clips.csv"
        write_records(path, records, ClipRecord)
        assert read_records(path, ClipRecord) == sorted(records, key=lambda record: record.clip_id)


def test_columns_are_those_users_know(tmp_path: Path) -> None:
    write_records(tmp_path / "clips.csv", [BARE], ClipRecord)
    usual = ["clip_id", "subject", "split", "source", "source_sha256", "frames", "seconds", "fps", "audio"]
    assert header(tmp_path / "clips.csv") == [*usual, "annotations", "start_s", "end_s"]
    write_records(tmp_path / "clips.csv", [BARE, FULL], ClipRecord)
    assert header(tmp_path / "clips.csv")[13:] == [
        "face", "box", "ratio", "face_px", "sharpness", "yaw_deg", "pitch_deg", "cuts", "offset", "confidence", "sound",
        "flicker",
        "flicker_raw", "emotion", "level",
    ]  # fmt: skip


def test_lists_are_lists_in_the_file(tmp_path: Path) -> None:
    write_records(tmp_path / "clips.csv", [FULL], ClipRecord)
    row = next(csv.DictReader((tmp_path / "clips.csv").open(encoding="utf-8")))
    assert (row["face"], row["box"]) == ("[100.5, 80.0, 64.25]", "[1.0, 2.0, 300.0, 300.0]")


@pytest.mark.parametrize(
    "row",
    [
        ClipFailure("a", "https://video", "no face, found"),
        ClipFailure("a", "", ""),
        DroppedSpan("a", 0.5, 2.0, "silent"),
        DroppedClip(**vars(FULL), reason="2 scene cut(s) inside"),
    ],
    ids=lambda row: type(row).__name__,
)
def test_other_tables_have_their_columns_even_without_rows(tmp_path: Path, row: object) -> None:
    write_records(tmp_path / "some.csv", [row], type(row))
    write_records(tmp_path / "none.csv", [], type(row))
    assert read_records(tmp_path / "some.csv", type(row)) == [row]
    assert read_records(tmp_path / "none.csv", type(row)) == []
    needed = {field.name for field in fields(row) if field.name in ("clip_id", "source", "start_s", "end_s", "reason")}  # type: ignore[arg-type]
    assert needed <= set(header(tmp_path / "none.csv"))


def test_equal_records_give_equal_bytes_whatever_their_order(tmp_path: Path) -> None:
    write_records(tmp_path / "one.csv", [FULL, BARE], ClipRecord)
    write_records(tmp_path / "two.csv", [BARE, FULL], ClipRecord)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no column clip_id"),
        ("clip_id,source,frames\na,a.mp4\n", "longer or shorter"),
        ("clip_id,source,frames\na,a.mp4,1,2\n", "longer or shorter"),
        ("clip_id,source,frames\na,a.mp4,many\n", "Invalid JSON"),
        ("clip_id,source,frames\na,a.mp4,1.5\n", "valid integer"),
        ('clip_id,source,face\na,a.mp4,"[1.0, 2.0]"\n', "Field required"),
        ("clip_id,frames\na,1\n", "source"),
        ('clip_id,source\n"a,a.mp4\n', "unexpected end"),
        (b"clip_id,source\na,\xff\xfe\n", "utf-8"),
        (bytes(200), "clip_id"),
    ],
)
def test_a_damaged_table_is_one_line(tmp_path: Path, content: str | bytes, reason: str) -> None:
    path = tmp_path / "clips.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInputError, match=rf"clips\.csv: a damaged table, line \d: .*{reason}") as caught:
        read_records(path, ClipRecord)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_missing_table_names_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such table; run the stage"):
        read_records(tmp_path / "clips.csv", ClipRecord)

"""Lists of talking videos."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from segtalker.inference.batch import Ledger, read_list
from segtalker.inference.talk_inputs import TalkInputs
from segtalker.utils.errors import BadInputError

SHARED = TalkInputs(Path(), None, None, None, voice="de", from_moment="1")


def test_lists_of_both_kinds_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("portrait,audio,out,text\na.png,s.wav,a.mp4,\n\nb.png,,b.mp4,Good morning\n")
    rows = [
        {"portrait": "a.png", "audio": "s.wav", "out": "a.mp4"},
        {"portrait": "b.png", "out": "b.mp4", "text": "Good morning"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    jobs, others = (read_list(tmp_path / name, SHARED) for name in ("a.csv", "a.jsonl"))
    assert [job.inputs for job in jobs] == [job.inputs for job in others]
    assert jobs[0].inputs == replace(
        SHARED, portrait=tmp_path / "a.png", audio=tmp_path / "s.wav", out=tmp_path / "a.mp4"
    )
    assert [job.inputs.text for job in jobs] == [None, "Good morning"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", "portrait,audio\n", "no videos in it"),
        ("a.csv", "portrait,sound,out\na.png,s.wav,a.mp4\n", "line 2: sound: no such column; there are portrait"),
        ("a.csv", "portrait,audio,out\na.png,,a.mp4\n", "line 2: needs portrait, out, and either audio or text"),
        ("a.csv", "portrait,audio,out\na.png,s,a.mp4\nb.png,s,a.mp4\n", "lines 2 and 3 both write a.mp4"),
        ("a.jsonl", '{"portrait": "a.png"\n', "cannot be read"),
        ("a.csv", "portrait,audio,out\na.png,s.wav,a.mp4,loud\n", "line 2: one without a name: no such column"),
        ("a.jsonl", "[1]\n", "line 1: not an object"),
        ("a.jsonl", '{"portrait": 5, "audio": "s.wav", "out": "a.mp4"}\n', "not an object with texts as values"),
        ("a.txt", "words", "a list is a .csv or .jsonl"),
    ],
)
def test_a_list_that_cannot_be_used_is_said(tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInputError, match=reason):
        read_list(tmp_path / name, SHARED)


def test_what_is_made_is_known_again_until_something_changes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("portrait,audio,out\na.png,s.wav,a.mp4\n")
    for name in ("a.png", "s.wav", "a.mp4"):
        (tmp_path / name).write_text(name)
    job = read_list(tmp_path / "a.csv", SHARED)[0]
    key, ledger = job.key("networks"), Ledger(tmp_path / "a.csv")
    assert not ledger.holds(job.out, key)
    ledger.add(job.out, key)
    assert Ledger(tmp_path / "a.csv").holds(job.out, key)
    assert not ledger.holds(job.out, job.key("other networks"))
    (tmp_path / "s.wav").write_text("other words")
    assert job.key("networks") != key
    (tmp_path / "a.mp4").write_text("half")
    assert not ledger.holds(job.out, key)


@pytest.mark.parametrize("content", [b"out,size\na.mp4,5\n", b"\xff\xfe\x00"])
def test_a_file_in_the_place_of_what_was_made_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.made.csv").write_bytes(content)
    with pytest.raises(BadInputError, match=r"a\.made\.csv: does not say what was made; move it away"):
        Ledger(tmp_path / "a.csv")

"""Faces are compared where they may be of one person under two names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.stages.split import alike_notice
from segtalker.clips.alike import AlikeSubjects, read_alike
from segtalker.clips.record import ClipRecord
from segtalker.clips.tables import read_records, write_records
from segtalker.config.params import Params

from .small_project import TO_PARSE, run

TABLE = Path("data/download/synthetic/clips.csv")


@pytest.fixture
def filmed(root: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A folder of three videos, each its own subject; the first two show one person by a net that knows."""
    faces = iter(np.eye(4, dtype=np.float32)[[0, 0, 1]])
    monkeypatch.setattr("segtalker.preprocessing.gate.embed_faces", lambda *_: next(faces))
    for module in ("segtalker.preprocessing.gate", "flows.stages.gate"):
        monkeypatch.setattr(f"{module}.load_face_net", lambda _: None)
    write_records(TABLE, [replace(record, dataset="folder") for record in read_records(TABLE, ClipRecord)], ClipRecord)
    Path("068.ckpt").write_bytes(b"weights")
    gate = params.gate.model_copy(update={"identity_weights": "068.ckpt"})
    return params.model_copy(
        update={"download": params.download.model_copy(update={"sources": ("folder",)}), "gate": gate}
    )


def test_one_person_on_two_sides_is_said(filmed: Params, capsys: pytest.CaptureFixture[str]) -> None:
    for stage in (*TO_PARSE, "split"):
        run(stage, filmed)  # type: ignore[arg-type]
    assert read_alike(Path("data/gate/synthetic/alike.json")) == [AlikeSubjects("s0", "s1", 0.0)]
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("split:")]
    assert len(said) == 1
    assert "different sides: s0 (train) and s1 (val), 0.00 apart; where that is one person" in said[0]
    page = Path("reports/datasets/synthetic.html").read_text(encoding="utf-8")
    assert "<td>s0</td><td>s1</td>" in page
    shared = filmed.split.model_copy(update={"shared_subjects": True})
    run("split", filmed.model_copy(update={"split": shared}))
    assert "split:" not in capsys.readouterr().err


def test_that_nobody_compared_faces_is_said(filmed: Params, capsys: pytest.CaptureFixture[str]) -> None:
    for stage in (*TO_PARSE, "split"):
        run(stage, filmed.model_copy(update={"gate": filmed.gate.model_copy(update={"identity_weights": ""})}))  # type: ignore[arg-type]
    assert read_alike(Path("data/gate/synthetic/alike.json")) is None
    assert "split: nobody compared faces (gate.identity_weights is empty)" in capsys.readouterr().err
    assert "Nobody compared faces" in Path("reports/datasets/synthetic.html").read_text(encoding="utf-8")


def test_rendered_people_are_known(filmed: Params, capsys: pytest.CaptureFixture[str]) -> None:
    records = [replace(record, dataset="synthetic") for record in read_records(TABLE, ClipRecord)]
    write_records(TABLE, records, ClipRecord)
    for stage in (*TO_PARSE, "split"):
        run(stage, filmed)  # type: ignore[arg-type]
    assert not list(Path("data/gate/synthetic").rglob("identity.npy"))
    assert "split:" not in capsys.readouterr().err


def test_of_many_pairs_some_are_named() -> None:
    sides = ["train", "val", "test", "test", "test", "test"]
    records = [
        ClipRecord(clip_id=str(index), subject=f"s{index}", split=side, source=Path("x.mp4"))
        for index, side in enumerate(sides)
    ]
    pairs = [AlikeSubjects("s0", f"s{index}", index / 10) for index in range(1, 6)]
    line = alike_notice(records, [*pairs, AlikeSubjects("s2", "s3", 0.1), AlikeSubjects("s0", "gone", 0.1)])
    assert line.count("apart") == 3
    assert "; and 2 more pairs;" in line
    assert "\n" not in line
    assert alike_notice(records, [AlikeSubjects("s2", "s3", 0.1)]) == ""

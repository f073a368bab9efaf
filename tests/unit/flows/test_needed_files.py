"""What is missing is said before anything starts: every file, with what works without it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.needed_files import missing_files
from segtalker.config.experiment import compose
from segtalker.config.stages import STAGES, Stage

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights anywhere, and no real data."""
    monkeypatch.setenv("SEGTALKER_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.delenv("SEGTALKER_REAL_DATA", raising=False)


def missing(experiment: str, *settings: str, until: Stage = "tables", root: Path = CHECKOUT) -> list[str]:
    """Lines about an experiment."""
    _, params = compose(CHECKOUT, experiment, settings)
    return missing_files(params, STAGES[: STAGES.index(until) + 1], root)


def test_the_embedded_demo_needs_nothing() -> None:
    assert missing("demo") == []


def test_all_that_is_missing_is_named_at_once_with_a_way_around_it() -> None:
    lines = missing("folder", "gate.sync.expert=syncnet", "evaluate.lpips_heads=/nowhere/alex.pth")
    starts = [
        "download.folder.root",
        "face_landmarker.task",
        "gate.sync.weights",
        "79999_iter.pth",
        "/nowhere/alex.pth",
    ]
    assert len(lines) == len(starts)
    for line, part in zip(lines, starts, strict=True):
        assert part in line
        assert "works without it: " in line
        assert "\n" not in line
    assert "train_parser.labels pairs" in lines[3]


def test_only_what_stages_that_run_need_is_asked_for() -> None:
    assert [line.partition(",")[0] for line in missing("folder", until="crop")] == ["download", "cut"]
    assert [line.partition(",")[0] for line in missing("folder", "cut.mode=whole", until="crop")] == [
        "download",
        "crop",
    ]
    assert missing("hdtf", until="download") == []
    assert len(missing("hdtf", "download.hdtf.clips=/nowhere", until="download")) == 1


def test_masks_are_not_asked_of_recordings_that_bring_none(tmp_path: Path) -> None:
    own = ("download.sources=[folder]", f"download.folder.root={tmp_path}", "parse.backend=trained")
    lines = missing("demo", *own)
    assert [line.partition(":")[0] for line in lines] == ["train_parser, masks of folder", "evaluate, masks of folder"]
    assert "works without them: train_parser.labels pairs" in lines[0]
    assert missing("demo", *own, until="gate") == []
    both = (f"download.folder.root={tmp_path}", "download.sources=[synthetic, folder]")
    assert len(missing("demo", *both)) == 1
    assert missing("demo", *both, "train_parser.datasets={synthetic: 1}") == []


@pytest.mark.parametrize("name", ["demo", *sorted(path.stem for path in (CHECKOUT / "experiments").glob("*.yaml"))])
def test_no_named_experiment_asks_recordings_for_masks(name: str) -> None:
    assert not [line for line in missing(name) if ", masks of " in line]


def test_one_folder_that_two_stages_read_is_named_once(tmp_path: Path) -> None:
    pairs = ("train_parser.labels=pairs", "train_sgi.data=both", f"training.pairs.root={tmp_path / 'pairs'}")
    (line,) = missing("demo", *pairs)
    assert line.startswith("train_parser, photographs with masks: ")
    assert f"{tmp_path / 'pairs'}: no such folder; training.pairs.root must name one" in line
    (tmp_path / "pairs").mkdir()
    assert missing("demo", *pairs) == []


def test_what_is_there_is_found_also_below_the_project_and_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "nets").mkdir()
    for name in ("s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar"):
        assert len(missing("demo", "crop.detector=face_alignment", "crop.weights=nets", root=tmp_path)) >= 1
        (tmp_path / "nets" / name).write_bytes(b"net")
    assert missing("demo", "crop.detector=face_alignment", "crop.weights=nets", root=tmp_path) == []


def test_a_run_with_missing_files_leaves_before_it_starts(
    segtalker: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("params.yaml", "experiments"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    monkeypatch.setenv("SEGTALKER_ROOT", str(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    code, out, said = segtalker("reproduce", "--experiment", "folder")
    assert (code, out) == (2, "")
    assert [line.partition(",")[0] for line in said.splitlines()] == [
        f"error: {name}" for name in ("download", "cut", "parse")
    ]
    assert sorted(tmp_path.rglob("*")) == before


def test_it_is_known_without_torch() -> None:
    code = "import sys, flows.needed_files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=CHECKOUT).returncode == 0


def test_a_generator_to_start_from_is_looked_for() -> None:
    start = ("train_sgi.code.texture=0", "train_sgi.generator.kind=stylegan2")
    assert missing("demo", *start) == []
    (line,) = missing("demo", *start, "train_sgi.generator.weights=/nowhere/face.pt")
    assert line.startswith("train_sgi, a trained StyleGAN2: /nowhere/face.pt: no such file")


def test_an_encoder_of_speech_is_looked_for_before_anything_runs(tmp_path: Path) -> None:
    names = ("train_tsg.features.kind=hubert", "train_tsg.features.weights=")
    (line,) = missing("demo", names[0], names[1] + "/nowhere/hubert")
    assert line.startswith("train_tsg, an encoder of speech: /nowhere/hubert: no such folder")
    assert line.endswith("works without it: train_tsg.features.kind mel")
    assert missing("demo", names[0], names[1] + str(tmp_path)) == []


def test_files_of_the_renderers_lpips_are_looked_for() -> None:
    lines = missing(
        "demo",
        "train_sgi.loss_weights.lpips=0.8",
        "train_sgi.lpips_weights=/nowhere/alexnet.pth",
        "train_sgi.lpips_heads=/nowhere/alex.pth",
    )
    assert [line.partition(":")[0] for line in lines] == ["train_sgi, the renderer's LPIPS"] * 2
    assert "alexnet.pth" in lines[0]
    assert lines[1].endswith("works without it: train_sgi.loss_weights.lpips 0")

"""Params are read once, typed, and wrong ones are named on one line."""

import shutil
from pathlib import Path

import pytest

from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, load_params, merge, params_hash, read_yaml
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (PARAMS_FILE, EXPERIMENT_FILE):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def _override(project: Path, text: str) -> None:
    path = project / EXPERIMENT_FILE
    stage = text.split(":")[0]
    path.write_text(path.read_text().replace(f"{stage}: {{}}", text), encoding="utf-8")


def test_overrides_lie_over_the_base(project: Path) -> None:
    before = load_params(project)
    _override(project, "crop: {margin: 0.5}")
    after = load_params(project)
    assert after.crop.margin == 0.5
    assert after.crop.detector == before.crop.detector
    assert params_hash(before) != params_hash(after)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crop: {margim: 0.5}", "crop.margim: Extra inputs"),
        ("crop: {margin: wide}", "crop.margin: Input should be a valid number"),
        ("crop: [1, 2", "not valid YAML"),
        ("machine: {runner: dask}", "machine: scheduler must be the address of a Dask scheduler"),
        ("parse: {smooth_frames: 4}", "smooth_frames 4 must be odd"),
        ("train_tsg: {net: {frames: 1}}", "stride 2 must not exceed net.frames 1"),
        ("train_tsg: {net: {frames: 3}}", "train_tsg.net.frames 3 must divide base.window_frames 5"),
        ("train_wav2lip: {trained: false}", "generate.methods names wav2lip, which needs train_wav2lip.trained"),
        ("generate: {methods: [segtalker_pasted, segtalker]}", "must name segtalker before segtalker_pasted"),
        ("generate: {methods: [segtalker_pasted]}", "must name segtalker before segtalker_pasted"),
        ("train_wav2lip: {net: {blocks: [1, 1]}}", "blocks and decoder_blocks must name 6 levels"),
        ("download: {source: folder}", "download.source: is download.sources, a list, now"),
        ("download: {sources: []}", "download.sources: Tuple should have at least 1 item"),
        ("download: {sources: [synthetic, youtube]}", "download.sources.1: Input should be 'synthetic', 'folder'"),
        ("download: {sources: [mead, mead]}", "download: sources mead, mead names one twice"),
        ("download: {synthetic: {val_subjects: 0}}", "synthetic.val_subjects is 0, and no other of sources brings"),
        (
            "download: {sources: [synthetic, mead], synthetic: {train_subjects: 0, val_subjects: 0, test_subjects: 0}}",
            "synthetic has no subjects",
        ),
        (
            "train_sgi: {datasets: {pairs: 1.0}}",
            "train_sgi.datasets names pairs; with train_sgi.data clips there are",
        ),
        (
            "train_parser: {labels: pairs, datasets: {synthetic: 1.0}}",
            "train_parser.datasets names synthetic; with train_parser.labels pairs there are: pairs",
        ),
        ("train_tsg: {datasets: {folder: 1.0}}", "train_tsg.datasets names folder, which is none of download.sources"),
        ("train_sync: {datasets: {synthetic: 0.0}}", "train_sync.datasets.synthetic: Input should be greater than 0"),
        ("split: {val_fraction: 0.5, test_fraction: 0.5}", "split: val_fraction and test_fraction add up to 1 or more"),
        ("split: {strategy: time}", "split: strategy time puts everybody on every side"),
        ("download: {folder: {splits: {testing: [a]}}}", "Input should be 'train', 'val' or 'test'"),
        ("train_parser: {coarse_steps: 1000}", "train_parser.coarse_steps 1000 leaves none of its 1000 steps at full"),
        ("train_wav2lip: {steps: 7}", "train_wav2lip.steps 7 is no multiple"),
    ],
)
def test_wrong_params_are_named_on_one_line(project: Path, text: str, message: str) -> None:
    _override(project, text)
    with pytest.raises(BadInputError) as caught:
        load_params(project)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_split_may_come_from_another_source(project: Path) -> None:
    _override(project, "download: {sources: [synthetic, folder], synthetic: {test_subjects: 0}}")
    assert load_params(project).download.synthetic.subjects["test"] == 0


def test_cross_field_checks(project: Path) -> None:
    _override(project, "base: {image_size: 100}")
    with pytest.raises(BadInputError, match="multiple of 32"):
        load_params(project)


def test_steps_end_at_a_checkpoint(project: Path) -> None:
    path = project / EXPERIMENT_FILE
    path.write_text(path.read_text().replace("train_tsg: {}", "train_tsg: {steps: 5}"), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"yaml: train_tsg\.steps 5 is no multiple of its checkpoint_every"):
        load_params(project)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"params\.yaml: cannot be read"):
        read_yaml(tmp_path / PARAMS_FILE)


def test_hash_ignores_key_order() -> None:
    assert params_hash({"a": 1, "b": {"c": 2, "d": 3}}) == params_hash({"b": {"d": 3, "c": 2}, "a": 1})


def test_merge_changes_neither_side() -> None:
    base, overrides = {"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}
    assert merge(base, overrides) == {"a": {"b": 3, "c": 2}}
    assert base == {"a": {"b": 1, "c": 2}}

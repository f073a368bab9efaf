"""A store with runs of every kind: finished, of another seed, an ablation, unfinished, damaged."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from segtalker.config.params import Params, load_params, merge
from segtalker.evaluation.protocol import make_protocol, protocol_signature
from segtalker.evaluation.result_files import keep_histories, keep_scores
from segtalker.media.video import write_video
from segtalker.tracking.mlflow_runs import ParentRun, RunIdentity, StageTracker, start_evaluation, start_stage
from segtalker.tracking.run_origin import RunOwner
from segtalker.tracking.run_store import RunStore

CHECKOUT = Path(__file__).parents[4]
FACTS = {
    "psnr": {"protocol": "peak signal-to-noise ratio", "unit": "dB", "higher_is_better": True, "reference": "truth"},
    "mouth_iou": {"protocol": "overlap", "unit": "", "higher_is_better": True, "reference": "truth"},
    "fid_seeded": {"protocol": "distance", "unit": "", "higher_is_better": False, "reference": "truth"},
}
OWNER = RunOwner("ann", "desk", "a" * 32)
LEVELS = {"ground_truth": 0.9, "segtalker": 0.75, "shuffled_audio": 0.6, "static": 0.5}
PEOPLE = 5


def write_results(folder: Path, *, gain: float, seed: int, expert: str = "e") -> None:
    """What `evaluate` writes: five people with two clips each, `gain` added to SegTalker's scores."""
    clips = [f"s{who}_{take}" for who in range(PEOPLE) for take in range(2)]
    level = dict(zip(clips, np.random.default_rng(seed).normal(0, 0.1, len(clips)), strict=True))
    noise = np.random.default_rng(round(1000 * gain) + 517)
    rows = []
    for method, mean in LEVELS.items():
        extra = gain if method == "segtalker" else 0.0
        for metric, scale in (("psnr", 30.0), ("mouth_iou", 1.0)):
            for clip in clips:
                value = scale * (mean + extra + level[clip] + 0.005 * noise.normal())
                rows.append([clip, clip[:2], method, metric, f"{value:.7g}", ""])
        rows.append(["", "", method, "fid_seeded", f"{1 - mean:.7g}", ""])
    folder.mkdir(parents=True)
    columns = ["clip_id", "subject", "method", "metric", "value", "reason"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "metrics.csv", index=False)
    (folder / "metrics.json").write_text(json.dumps(FACTS))
    (folder / "failures.csv").write_text("clip_id,source,reason,method\ns9_0,x.mp4,no face found,static\n")
    emotions = [[clip, clip[:2], ("angry", "sad")[index % 2], "1"] for index, clip in enumerate(clips)]
    pd.DataFrame(emotions, columns=["clip_id", "subject", "emotion", "level"]).to_csv(folder / "clips.csv", index=False)
    parts = make_protocol(
        metrics=FACTS, settings={"fps": 25}, weights={}, clips={clip: f"{clip} of seed {seed}" for clip in clips},
        parser=f"p{seed}", expert=f"{expert}{seed}", code="c",
    )  # fmt: skip
    (folder / "protocol.json").write_text(json.dumps(parts))


def log_scores(tracker: StageTracker, results: Path, models: Path | None) -> None:
    """Keeps results with a run, as the stages do."""
    keep_scores(tracker, results)
    parts = json.loads((results / "protocol.json").read_text())
    tracker.log_protocol(protocol_signature(parts))
    table = pd.read_csv(results / "metrics.csv")
    means = table.groupby(["method", "metric"])["value"].mean()
    tracker.log_metrics({"/".join(pair): float(value) for pair, value in means.items()}, parent=True)
    if models is not None:
        keep_histories(tracker, models)


def write_params(root: Path) -> None:
    """Params of the demo: some other experiment may be active in the checkout."""
    (root / "params.yaml").write_bytes((CHECKOUT / "params.yaml").read_bytes())
    (root / "experiment.yaml").write_text("active: {experiment: demo, dataset: synthetic}\n")


@cache
def tiny_video() -> bytes:
    """A second of 32 px with sound, as MP4."""
    frames = (np.full((32, 32, 3), 9 * index, np.uint8) for index in range(25))
    sound = 0.3 * np.sin(np.arange(16000) * 0.1).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.mp4"
        write_video(path, frames, 25, sound, 16000, 30)
        return path.read_bytes()


class Shelf:
    """Writes runs into a store.

    Args:
        root: for files.
        params: of the project.
    """

    def __init__(self, root: Path, params: Params) -> None:
        self.root, self.params = root, params
        self.ids: dict[str, str] = {}

    def start(self, name: str, stage: str, signature: str, changes: Mapping[str, Mapping]) -> StageTracker:
        content = merge(self.params.model_dump(mode="json"), changes)
        experiment = name.split()[0]
        tags = {"segtalker.experiment": experiment, "segtalker.dataset": "drawn", "segtalker.git_revision": "f" * 40}
        parent = ParentRun(name, RunIdentity(signature, "c" * 64, "d" * 64, OWNER), content, tags, {})
        tracker = start_stage(root=Path(), stage=stage, signature=f"{signature}{stage}", code="9" * 64, parent=parent)
        self.ids[name] = str(tracker.parent_id)
        return tracker

    def finished(self, name: str, *, gain: float, seed: int = 7, expert: str = "e", **changes: Mapping) -> Path:
        """A run that went to its end; returns its results."""
        results, models = self.root / name / "evaluate", self.root / name / "models"
        write_results(results, gain=gain, seed=seed, expert=expert)
        (models / "train_tsg").mkdir(parents=True)
        steps = [[step, f"train/{what}", 1 / step] for what in ("loss", "sync") for step in range(10, 200, 10)]
        steps += [[100, "val/mouth_iou", 0.5], [190, "val/mouth_iou", 0.6 + gain]]
        pd.DataFrame(steps, columns=["step", "name", "value"]).to_csv(models / "train_tsg" / "history.csv", index=False)
        settings = {"base": {"seed": seed}} | changes
        tracker = self.start(name, "tables", name, settings)
        log_scores(tracker, results, models)
        self._figures(tracker, name)
        tracker.finish(succeeded=True)
        return results

    def _figures(self, tracker: StageTracker, name: str) -> None:
        folder = self.root / name / "figures"
        folder.mkdir()
        for clip, shade in (("s0_0", 40), ("s1_0", 200)):
            cv2.imwrite(str(folder / f"strip_{clip}.png"), np.full((40, 90, 3), shade, np.uint8))
        (folder / "strip_s2_0.png").write_bytes(b"no picture")
        for kind in ("video", "truth"):
            (folder / f"{kind}_s0_0.mp4").write_bytes(tiny_video())
        (folder / "video_s1_0.mp4").write_bytes(b"no video")
        tracker.log_artifact(folder)
        tables = self.root / name / "tables"
        tables.mkdir()
        (tables / "failures.csv").write_text("stage,method,clip_id,reason\nevaluate,static,s9_0,no face found\n")
        (tables / "splits.csv").write_text(
            "split,subjects,clips,minutes\ntrain,9,18,1.200000\nval,1,2,0.1\ntest,5,10,0.7\n"
        )
        tracker.log_artifact(tables)


@contextmanager
def _in_store(root: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
        patch.chdir(root)  # artifacts lie in the working folder
        yield


@pytest.fixture(scope="session")
def filled_shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Demo with three seeds, an ablation, another expert, and more."""
    root = tmp_path_factory.mktemp("shelf")
    with _in_store(root):
        shelf = Shelf(root, load_params(CHECKOUT))
        shelf.finished("demo base.seed=8", gain=0.01, seed=8)
        shelf.finished("demo base.seed=9", gain=-0.01, seed=9)
        shelf.finished("no-sync", gain=-0.1, train_tsg={"loss_weights": {"sync": 0.0}})
        shelf.finished("other-expert", gain=0.0, expert="x", train_sync={"image_expert": {"net": {"embedding": 64}}})
        shelf.finished("demo", gain=0.0)
        shelf.start("unfinished", "train_sync", "u", {}).finish(succeeded=True)
        shelf.start("killed", "train_tsg", "k", {})
        old = shelf.start("old", "tables", "o", {})
        old.log_metrics({"segtalker/mouth_iou": 0.5}, parent=True)
        old.finish(succeeded=True)
        _damaged(shelf)
        _evaluation(shelf)
    return shelf


@pytest.fixture
def shelf(filled_shelf: Shelf) -> Iterator[Shelf]:
    """The store, named by `MLFLOW_TRACKING_URI` while a test lasts: other tests have their own folder."""
    with _in_store(filled_shelf.root):
        yield filled_shelf


def _damaged(shelf: Shelf) -> None:
    for name, change in {
        "no-number": lambda text: text.replace("s0_0,s0,segtalker,psnr,", "s0_0,s0,segtalker,psnr,about ", 1),
        "not-finite": lambda text: text.replace(
            "s0_0,s0,segtalker,psnr,", "s0_0,s0,segtalker,psnr,nan\ns0_7,s0,segtalker,psnr,", 1
        ),
    }.items():
        results = shelf.root / name / "evaluate"
        write_results(results, gain=0.0, seed=7)
        text = (results / "metrics.csv").read_text()
        (results / "metrics.csv").write_text(change(text))
        tracker = shelf.start(name, "tables", name, {})
        keep_scores(tracker, results)
        tracker.finish(succeeded=True)


def _evaluation(shelf: Shelf) -> None:
    results = shelf.root / "elsewhere" / "evaluate"
    write_results(results, gain=0.05, seed=7)
    parts = json.loads((results / "protocol.json").read_text())
    tracker = start_evaluation(
        root=Path(), owner=OWNER, name="videos from elsewhere", protocol=protocol_signature(parts), signature="",
        params={}, tags={"segtalker.experiment": "elsewhere", "segtalker.dataset": "drawn"},
    )  # fmt: skip
    log_scores(tracker, results, None)
    tracker.finish(succeeded=True)
    shelf.ids["elsewhere"] = tracker.run_id


@pytest.fixture
def store(shelf: Shelf) -> RunStore:
    """The store, read."""
    return RunStore.open(shelf.root)


@pytest.fixture
def command(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable:
    """Runs `segtalker` in a folder that holds params and nothing else; its exit code, output and errors."""
    write_params(tmp_path)
    monkeypatch.setenv("SEGTALKER_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("flows.cli.signal.signal", lambda *_: None)

    def run(*arguments: str) -> tuple[int, str, str]:
        from flows.cli import main

        monkeypatch.setattr("sys.argv", ["segtalker", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    return run

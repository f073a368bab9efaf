"""CONTRIBUTING.md is true: what it says of a new part is all there is to do."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOY_METRIC = '''

@frame_metric(rgb_in_areas, areas=AREAS, unit="grey levels", higher_is_better=False, protocol="difference of colours")
def colour_error(reference: np.ndarray, frames: np.ndarray, areas: Areas) -> np.ndarray:
    """Of each frame, `(T, A)`."""
    return np.abs(areas.means(frames) - areas.means(reference))
'''
DESCRIBE = """
import json
from segtalker.metrics.catalogue import describe
from segtalker.utils.code_hash import code_hash
print(json.dumps([describe("truth", True), code_hash("segtalker.evaluation.clip"), code_hash("segtalker.nets.tsg")]))
"""
TOY_DATASET = '''
"""Recordings that a list names."""

from pathlib import Path

from segtalker.clips.record import ClipRecord
from segtalker.config.data import Toy


def toy_recordings(settings: Toy) -> list[ClipRecord]:
    """One a name."""
    return [ClipRecord(clip_id=name, source=Path(f"{name}.mp4"), seconds=2.0) for name in settings.names]
'''
TOY_SOURCE = "lambda settings, _root, title: (toy_recordings(settings.toy), [], title)"
DOWNLOAD = """
from pathlib import Path
from types import SimpleNamespace
from flows.stages.download import download
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace
run = SimpleNamespace(params=load_params(), workspace=Workspace(Path(), "names", "toy"))
run.log_metrics = run.log_artifact = lambda _: None
download(run)
"""
TOY_NET = '''
"""A line through the mean colour."""

from torch import Tensor, nn

from segtalker.nets.network import Network


class ToyNet(Network):
    """Args: colours: C; slope: of the line."""

    kind = "toy"

    def __init__(self, *, colours: int, slope: float) -> None:
        super().__init__()
        self.line = nn.Linear(colours, 1)
        self.slope = slope

    def forward(self, image: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, 1)`."""
        return self.slope * self.line(image.mean((2, 3)))
'''
BUILD = """
from pathlib import Path
import torch
from segtalker.config.params import load_params
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.toy import ToyNet
net, image = ToyNet(**load_params().train_tsg.toy.model_dump()), torch.rand(2, 3, 4, 4)
save_net(Path("toy.ckpt"), net, "signature")
assert torch.equal(load_net(Path("toy.ckpt"), ToyNet)(image), net(image))
"""
TOY_STAGE = '''
"""Counts clips."""

from flows.stages.common import StageRun
from segtalker.utils.atomic import write_text


def count(run: StageRun) -> None:
    """Writes how many."""
    write_text(run.workspace.data("count") / "clips.txt", str(run.params.count.clips))
'''
TOY_STAGE_IN_DVC = """
  count:
    cmd: python -m flows.stages count
    deps:
      - data/split/${active.dataset}
    params:
      - code.yaml:
          - count
      - base
      - count
      - experiment.yaml:
          - active.dataset
          - base
          - count
    outs:
      - data/count/${active.dataset}
"""
RUN_STAGE = """
from pathlib import Path
from types import SimpleNamespace
from flows.pipeline import _stage_task
from flows.stages.count import count
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace
count(SimpleNamespace(params=load_params(), workspace=Workspace(Path(), "names", "toy")))
assert Path("data/count/names/clips.txt").read_text() == "3"
assert _stage_task("count", None).name == "count"
"""


class Project:
    """A copy of the project in which only files that CONTRIBUTING.md names for a part may change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.changed: set[str] = set()
        for name in ("segtalker", "flows", "lightning_modules", "datamodules", "tests/architecture"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("params.yaml", "experiment.yaml", "dvc.yaml", "code.yaml"):
            shutil.copy(ROOT / name, root / name)

    def write(self, path: str, text: str) -> None:
        """A new file, or more at the end of one."""
        with (self.root / path).open("a", encoding="utf-8") as file:
            file.write(text)
        self.changed.add(path)

    def replace(self, path: str, old: str, new: str) -> None:
        """Changes the only place that says so."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, (path, old)
        (self.root / path).write_text(text.replace(old, new), encoding="utf-8")
        self.changed.add(path)

    def run(self, *arguments: str) -> str:
        """Python in the copy, which must succeed."""
        command = [sys.executable, *arguments]
        run = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def named_files(part: str, name: str) -> set[str]:
    """The files and folders that the row of a part names."""
    words = re.findall(r"`([\w./]+)`", where_it_goes(part).replace("NAME", name))
    return {word for word in words if "/" in word or word.endswith(".yaml")}


def where_it_goes(part: str) -> str:
    """The second cell of the row of a part in the table of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.search(rf"^\| {re.escape(part)} \| ([^|]+) \|", text, re.MULTILINE)[1]


def _described(project: Project) -> tuple[dict, str, str]:
    return json.loads(project.run("-c", DESCRIBE))


def test_a_metric_is_one_function_in_one_file(project: Project) -> None:
    (folder,) = re.findall(r"`(segtalker/[\w/]+/)`", where_it_goes("a metric"))
    before, measured_by, other = _described(project)
    project.write(f"{folder}images.py", TOY_METRIC)
    after, now_measured_by, other_now = _described(project)
    assert {name: after[name] for name in before} == before
    of_pixels = list(after)[: list(after).index("lpips_alex")]
    assert [name for name in of_pixels if after[name]["area"] == "frame"] == ["psnr", "ssim", "ms_ssim", "colour_error"]
    assert {"colour_error_face", "colour_error_mouth_area"} <= set(of_pixels)
    assert after["colour_error"]["unit"] == "grey levels"
    assert measured_by != now_measured_by
    assert other == other_now


def _all_named(project: Project, part: str, name: str) -> bool:
    """Whether what has changed is what the page names, a new file of a folder for the folder."""
    named = named_files(part, name)
    return {path if path in named else f"{Path(path).parent}/" for path in project.changed} == named


def test_a_dataset_is_one_module_its_section_and_a_line(project: Project) -> None:
    config, stage = "segtalker/config/data.py", "flows/stages/download.py"
    project.write("segtalker/datasets/toy.py", TOY_DATASET.lstrip())
    project.replace(config, '"hdtf", "mead"]', '"hdtf", "mead", "toy"]')
    project.replace(config, "    mead: Mead\n", "    mead: Mead\n    toy: Toy\n")
    project.replace(config, "class Mead(", "class Toy(Section):\n    names: tuple[str, ...]\n\n\nclass Mead(")
    project.replace("params.yaml", "  sources: [synthetic]", "  toy: {names: [one, two]}\n  sources: [toy]")
    project.replace(stage, '"mead": _mead}', f'"mead": _mead, "toy": {TOY_SOURCE}}}')
    project.replace(
        stage, "import mead_report\n", "import mead_report\nfrom segtalker.datasets.toy import toy_recordings\n"
    )
    assert _all_named(project, "a dataset", "toy")
    project.run("-c", DOWNLOAD)
    table = (project.root / "data" / "download" / "names" / "clips.csv").read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in table.splitlines()] == ["clip_id", "one", "two"]


def test_a_network_is_one_file_and_its_section(project: Project) -> None:
    config = "segtalker/config/training.py"
    project.write("segtalker/nets/toy.py", TOY_NET.lstrip())
    project.replace(
        config, "class TrainTsg(", "class Toy(Section):\n    colours: int\n    slope: float\n\n\nclass TrainTsg("
    )
    project.replace(config, "    net: TsgNet\n", "    net: TsgNet\n    toy: Toy\n")
    project.replace("params.yaml", "train_tsg:\n", "train_tsg:\n  toy: {colours: 3, slope: 2.0}\n")
    assert _all_named(project, "a network", "toy")
    project.run("-c", BUILD)


def test_a_stage_is_its_name_in_five_places(project: Project) -> None:
    config, stages = "segtalker/config/params.py", "segtalker/config/stages.py"
    project.write("flows/stages/count.py", TOY_STAGE.lstrip())
    project.write("dvc.yaml", TOY_STAGE_IN_DVC)
    project.write("params.yaml", "\ncount: {clips: 3}\n")
    project.replace(config, "class Params(", "class Count(Section):\n    clips: int\n\n\nclass Params(")
    project.replace(config, "    tables: Tables\n", "    tables: Tables\n    count: Count\n")
    project.replace(stages, '"tables",\n', '"tables", "count",\n')
    project.replace(stages, '    "download": (),\n', '    "download": (),\n    "count": ("split",),\n')
    assert _all_named(project, "a stage", "count")
    project.run("-m", "flows.dvc.code_versions")
    project.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture/test_stages.py")
    project.run("-c", RUN_STAGE)

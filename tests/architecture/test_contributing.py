"""CONTRIBUTING.md is true: what it says of a new part is all there is to do."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOY_METRIC = '''

@frame_metric(rgb_pair, unit="grey levels", higher_is_better=False, protocol="difference of the mean colours")
def colour_error(reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Of each frame, `(T,)`."""
    return np.abs(frames.mean(axis=(1, 2, 3)) - reference.mean(axis=(1, 2, 3)))
'''
DESCRIBE = """
import json
from segtalker.metrics.catalogue import describe
from segtalker.utils.code_hash import code_hash
print(json.dumps([describe("truth", True), code_hash("segtalker.evaluation.clip"), code_hash("segtalker.nets.tsg")]))
"""


def where_it_goes(part: str) -> str:
    """The second cell of the row of a part in the table of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.search(rf"^\| {re.escape(part)} \| ([^|]+) \|", text, re.MULTILINE)[1]


def _described(project: Path) -> tuple[dict, str, str]:
    run = subprocess.run([sys.executable, "-c", DESCRIBE], cwd=project, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_a_metric_is_one_function_in_one_file(tmp_path: Path) -> None:
    (folder,) = re.findall(r"`(segtalker/[\w/]+/)`", where_it_goes("a metric"))
    shutil.copytree(ROOT / "segtalker", tmp_path / "segtalker", ignore=shutil.ignore_patterns("__pycache__"))
    before, measured_by, other = _described(tmp_path)
    with (tmp_path / folder / "images.py").open("a", encoding="utf-8") as module:
        module.write(TOY_METRIC)
    after, now_measured_by, other_now = _described(tmp_path)
    assert {name: after[name] for name in before} == before
    assert list(after)[: list(after).index("lpips_alex")] == ["psnr", "ssim", "ms_ssim", "colour_error"]
    assert after["colour_error"]["unit"] == "grey levels"
    assert measured_by != now_measured_by
    assert other == other_now

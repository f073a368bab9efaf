"""Takes the pictures of pages that the docs show, from runs that are here: `make screenshots`.

Needs `make reproduce`, `segtalker reproduce --experiment no-sync`, and a Chromium of the system. Pages of MLflow and
Prefect are those of servers started for it on loopback, over the project's own databases.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from segtalker.tracking.run_store import RunStore, StoredRun

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
EXPERIMENTS = ("demo", "no-sync")
_HOST = "127.0.0.1"
_START_LIMIT_S = 90.0
_SETTLE_MS = 4_000  # pages of MLflow and Prefect go on drawing after their last request
_COLOURS = 128
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _server(command: list[str], port: int, health: str, log: Path) -> Iterator[str]:
    """A server until the end of the block; its address, once it answers."""
    address = f"http://{_HOST}:{port}"
    environment = os.environ | {"PREFECT_HOME": str(ROOT / ".prefect"), "NO_PROXY": _HOST}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        _wait_for(f"{address}{health}", process, log)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"error: {address} does not answer; see {log}")


def _newest(runs: list[StoredRun], experiment: str, stage: str = "") -> StoredRun:
    """The run of an experiment, or of one of its stages, that ended last."""
    for run in runs:
        if run.experiment == experiment and run.stage == stage and run.kind == ("stage" if stage else "experiment"):
            return run
    command = "make reproduce" if experiment == "demo" else f"segtalker reproduce --experiment {experiment}"
    sys.exit(f"error: MLflow holds no run of {experiment}; first: {command}")


def _take(page: Page, address: str, name: str, size: tuple[int, int], top: int = 0, left: int = 0) -> None:
    """Saves what a page shows in a window of a size, less what lies above and to the left, with few colours."""
    page.set_viewport_size({"width": size[0] + left, "height": size[1] + top})
    page.goto(address, wait_until="networkidle" if address.startswith("http") else "load")
    page.wait_for_timeout(_SETTLE_MS)
    _save(page, name, size, top, left)


def _save(page: Page, name: str, size: tuple[int, int], top: int, left: int) -> None:
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, clip={"x": left, "y": top, "width": size[0], "height": size[1]})
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path.relative_to(ROOT))


def _own_pages(page: Page) -> None:
    subprocess.run([Path(sys.executable).with_name("segtalker"), "compare", *EXPERIMENTS], cwd=ROOT, check=True)
    _take(page, (ROOT / "reports" / "comparison" / "compare.html").as_uri(), "compare", (944, 1200))
    _take(page, (ROOT / "reports" / "datasets" / "synthetic.html").as_uri(), "dataset-page", (1100, 1435))


def _mlflow_pages(page: Page, folder: Path) -> None:
    runs = RunStore.open(ROOT).runs
    parents = [_newest(runs, experiment) for experiment in EXPERIMENTS]
    training = _newest(runs, "demo", "train_tsg")
    port = _free_port()
    command = ["mlflow", "ui", "--backend-store-uri", "sqlite:///mlflow.db", "--host", _HOST, "--port", str(port)]
    with _server(command, port, "/health", folder / "mlflow.log") as address:
        experiment = f"{address}/#/experiments/1"
        _take(page, f"{experiment}/runs?workflowType=machine_learning", "mlflow-runs", (1140, 560), top=150, left=310)
        ids = ",".join(f'"{run.run_id}"' for run in parents)
        compared = f'{address}/#/compare-runs?runs=[{ids}]&experiments=["1"]'
        _take(page, compared, "mlflow-compare", (1000, 700), top=90, left=220)
        _take(
            page, f"{experiment}/runs/{training.run_id}/model-metrics", "mlflow-metrics", (900, 640), top=150, left=220
        )


def _prefect_page(page: Page, folder: Path) -> None:
    port = _free_port()
    command = ["prefect", "server", "start", "--host", _HOST, "--port", str(port)]
    os.environ["PREFECT_UI_API_URL"] = os.environ["PREFECT_API_URL"] = f"http://{_HOST}:{port}/api"
    with _server(command, port, "/api/health", folder / "prefect.log") as address:
        request = urllib.request.Request(
            f"{address}/api/flow_runs/filter",
            data=b'{"sort": "END_TIME_DESC", "flow_runs": {"name": {"any_": ["demo"]}}, "limit": 1}',
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            flow_runs = json.load(answer)
        if not flow_runs:
            sys.exit("error: .prefect holds no flow run of demo; first: make reproduce")
        _take(page, f"{address}/runs/flow-run/{flow_runs[0]['id']}", "prefect-run", (1000, 863), left=250)


def main() -> None:
    """Takes all of them anew."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        sys.exit("error: no Chromium found; install chromium")
    folder = ROOT / ".prefect"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, chromium_sandbox=False)
        page = browser.new_page(color_scheme="light")
        _own_pages(page)
        _mlflow_pages(page, folder)
        _prefect_page(page, folder)
        browser.close()


if __name__ == "__main__":
    main()

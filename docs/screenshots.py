"""Takes the pictures that README and docs show of pages, the studio and figures, from runs that are here.

`make screenshots` runs it. Needs `make reproduce`, `segtalker reproduce --experiment no-sync`, and a Chromium of the
system. Pages of MLflow and Prefect are those of servers started for it on loopback, over the project's own databases.
"""

import io
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
from playwright.sync_api import Locator, Page, sync_playwright

from segtalker.tracking.run_store import RunStore, StoredRun

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
EXPERIMENTS = ("demo", "no-sync")
_HOST = "127.0.0.1"
_START_LIMIT_S = 90.0
_LOAD_MS = 180_000  # a busy machine draws a page of MLflow in a minute
_SETTLE_MS = 4_000  # pages of MLflow and Prefect go on drawing after their last request
# MLflow opens its assistant over a third of its first page, lays its button on others, and frames what was clicked
_QUIET_MLFLOW = """if (location.protocol.startsWith("http")) {
    localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
    localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
    addEventListener("DOMContentLoaded", () => {
        const style = document.createElement("style");
        style.textContent = `[data-assistant-ui] { display: none; }
            .ag-cell-focus { border-color: transparent !important; }`;
        document.head.append(style);
    });
}"""
_COLOURS = 256
_REFINEMENTS = 2  # rounds of k-means: without them a rare colour, as that of a run's dot, takes on another's
_JPEG_QUALITY = 88
_MARGIN_PX = 8
_MLFLOW_WIDTH = 1260  # px; its side bar takes some 200
_STUDIO_SIZE = (1280, 1010)  # px
_SCROLL = "heading => { heading.scrollIntoView(); scrollBy(0, -30); }"
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


def _open(page: Page, address: str, shown_text: str, size: tuple[int, int]) -> None:
    """Opens a page in a window of a size and waits until it shows a text and what it draws after that."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto("about:blank")  # pages of one server differ after the # alone, and would not be loaded anew
    page.goto(address, wait_until="load", timeout=_LOAD_MS)
    page.get_by_text(shown_text, exact=True).first.wait_for(timeout=_LOAD_MS)
    page.wait_for_timeout(_SETTLE_MS)


def _take(page: Page, address: str, shown_text: str, name: str, size: tuple[int, int], place: tuple[int, int]) -> None:
    """Saves what a page shows in a window of a size, less what lies to the left and above of a place."""
    _open(page, address, shown_text, (size[0] + place[0], size[1] + place[1]))
    _save(page, name, (*place, *size))


def _save(page: Page, name: str, box: tuple[float, float, float, float]) -> None:
    """Saves a part of a page, (left, top, width, height) in px: PNG with few colours, or JPEG where many count."""
    path = IMAGES / name
    content = page.screenshot(clip={"x": box[0], "y": box[1], "width": box[2], "height": box[3]})
    with Image.open(io.BytesIO(content)) as picture:
        colours = picture.convert("RGB")
    if path.suffix == ".png":
        colours.quantize(_COLOURS, kmeans=_REFINEMENTS, dither=Image.Dither.NONE).save(path, optimize=True)
    else:
        colours.save(path, quality=_JPEG_QUALITY, optimize=True)
    print(path.relative_to(ROOT))


def _span(first: Locator, last: Locator, width: float) -> tuple[float, float, float, float]:
    """The part of a page from one element down to another, with a margin: (left, top, width, height) in px."""
    top, bottom = first.bounding_box(), last.bounding_box()
    if top is None or bottom is None:
        sys.exit("error: the page does not show what is to be in the picture")
    left, upper = top["x"] - _MARGIN_PX, top["y"] - _MARGIN_PX
    return left, upper, width, bottom["y"] + bottom["height"] + _MARGIN_PX - upper


def _figures() -> None:
    """The report's figures of its first clip, smaller files than the stage's own."""
    for kind in ("strip", "edits"):
        files = sorted((ROOT / "reports" / "figures").glob(f"{kind}_*.png"))
        if not files:
            sys.exit(f"error: reports/figures holds no {kind}_*.png; first: make reproduce")
        with Image.open(files[0]) as picture:
            picture.convert("RGB").save(IMAGES / f"{kind}.jpg", quality=_JPEG_QUALITY, optimize=True)
        print((IMAGES / f"{kind}.jpg").relative_to(ROOT))


def _own_pages(page: Page) -> None:
    subprocess.run([Path(sys.executable).with_name("segtalker"), "compare", *EXPERIMENTS], cwd=ROOT, check=True)
    pages = ROOT / "reports"
    _take(page, (pages / "index.html").as_uri(), "Key numbers", "report.jpg", (1180, 1400), (0, 480))
    _take(page, (pages / "comparison" / "compare.html").as_uri(), "Results", "compare.png", (944, 1300), (0, 0))
    _take(page, (pages / "datasets" / "synthetic.html").as_uri(), "Clips", "dataset-page.png", (1100, 900), (0, 0))


def _mlflow_pages(page: Page, folder: Path) -> None:
    runs = RunStore.open(ROOT).runs
    parents = [_newest(runs, experiment) for experiment in EXPERIMENTS]
    training = _newest(runs, "demo", "train_tsg")
    port = _free_port()
    command = ["mlflow", "ui", "--backend-store-uri", "sqlite:///mlflow.db", "--host", _HOST, "--port", str(port)]
    with _server(command, port, "/health", folder / "mlflow.log") as address:
        experiment = f"{address}/#/experiments/1"
        _mlflow_runs(page, f"{experiment}/runs?workflowType=machine_learning")
        ids = ",".join(f'"{run.run_id}"' for run in parents)
        _mlflow_comparison(page, f'{address}/#/compare-runs?runs=[{ids}]&experiments=["1"]')
        metrics = f"{experiment}/runs/{training.run_id}/model-metrics"
        _take(page, metrics, "cross_entropy", "mlflow-metrics.png", (880, 590), (207, 20))


def _mlflow_runs(page: Page, address: str) -> None:
    """The list of runs, the latest demo's stages unfolded."""
    _open(page, address, "no-sync", (_MLFLOW_WIDTH, 1100))
    demo = page.get_by_role("gridcell").filter(has=page.get_by_role("link", name="demo", exact=True)).first
    demo.get_by_role("button").click()
    page.mouse.move(_MLFLOW_WIDTH / 2, 10)  # a row under the pointer is grey
    page.get_by_role("link", name="download", exact=True).first.wait_for(timeout=_LOAD_MS)
    page.wait_for_timeout(_SETTLE_MS)
    heading = page.get_by_role("checkbox", name="Select all runs")
    links = page.get_by_role("gridcell").get_by_role("link")
    _save(page, "mlflow-runs.png", _span(heading, links.last, _MLFLOW_WIDTH - 240))


def _mlflow_comparison(page: Page, address: str) -> None:
    """Two runs side by side, params that differ alone."""
    _open(page, address, "Run details", (_MLFLOW_WIDTH, 2000))
    page.get_by_text("Show diff only").first.click()
    page.mouse.move(_MLFLOW_WIDTH / 2, 10)
    page.wait_for_timeout(_SETTLE_MS)
    params = page.get_by_role("table").filter(has_text="active.experiment")
    heading = page.get_by_text("Run details", exact=True)
    _save(page, "mlflow-compare.png", _span(heading.last, params.last, _MLFLOW_WIDTH - 240))


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
        run = f"{address}/runs/flow-run/{flow_runs[0]['id']}"
        _take(page, run, "Completed", "prefect-run.png", (1000, 863), (250, 0))


def _studio_page(page: Page, folder: Path) -> None:
    """The studio over the demo's networks: a face, speech, and hair painted over the forehead."""
    port = _free_port()
    command = ["flows.cli", "studio", "--experiment", "demo", "--port", str(port)]
    with _server(command, port, "/", folder / "studio.log") as address:
        page.set_viewport_size({"width": _STUDIO_SIZE[0], "height": _STUDIO_SIZE[1]})
        page.goto(address, wait_until="load", timeout=_LOAD_MS)
        page.locator("#people .grid-container button").first.click()
        page.wait_for_selector("#preview img", timeout=_LOAD_MS)
        page.fill("#text textarea", "Good morning!")
        page.click("#say")
        page.get_by_text("at the loudest moment of the speech").wait_for(timeout=_LOAD_MS)
        page.get_by_role("heading", name="Edit, if you like").evaluate(_SCROLL)
        page.wait_for_timeout(_SETTLE_MS)
        before = page.locator("#preview img").get_attribute("src")
        _stroke(page)
        page.wait_for_function(
            "old => document.querySelector('#preview img').getAttribute('src') !== old", arg=before, timeout=_LOAD_MS
        )
        page.mouse.move(_STUDIO_SIZE[0] - 1, 1)
        page.wait_for_timeout(_SETTLE_MS)
        _save(page, "studio.png", (0, 0, *_STUDIO_SIZE))


def _stroke(page: Page) -> None:
    """Paints from left to right over the forehead."""
    box = page.locator("#editor canvas").first.bounding_box()
    if box is None:
        sys.exit("error: the studio shows nothing to paint on")
    for share in (0.20, 0.23):
        y = box["y"] + share * box["height"]
        page.mouse.move(box["x"] + 0.36 * box["width"], y)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.64 * box["width"], y, steps=8)
        page.mouse.up()


def main() -> None:
    """Takes all of them anew."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        sys.exit("error: no Chromium found; install chromium")
    folder = ROOT / ".prefect"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, chromium_sandbox=False)
        page = browser.new_page(color_scheme="light")
        page.add_init_script(_QUIET_MLFLOW)
        _figures()
        _own_pages(page)
        _mlflow_pages(page, folder)
        _prefect_page(page, folder)
        _studio_page(page, folder)
        browser.close()


if __name__ == "__main__":
    main()

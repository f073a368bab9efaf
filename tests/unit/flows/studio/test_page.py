"""The page in a real Chromium: from an upload to a painted mask and a played video."""

import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser
from PIL import Image
from playwright.sync_api import Page

from flows.studio.options import UPLOADS, StudioOptions
from flows.studio.page import serve
from segtalker.inference.talker import Talker
from segtalker.media.images import read_image, write_png
from segtalker.media.video import open_video
from segtalker.utils.errors import BadInputError

PHONE_PX = 390
_NEW_PICTURE = "old => { const image = document.querySelector('#preview img'); return image && image.src !== old }"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The studio's folder."""
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def address(project: Path, talker: Talker, folder: Path) -> Iterator[str]:
    """Where a studio over untrained networks is served."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Talker, "load", lambda *_, **__: talker)
        patch.setenv("GRADIO_TEMP_DIR", str(folder / UPLOADS))
        with serve(project, "demo", StudioOptions(port=0), folder) as served_at:
            yield served_at


@pytest.fixture(scope="module")
def page(address: str, browser: Browser) -> Page:
    """The page, opened; the studio runs before the browser does, see `browser`."""
    return browser.visit(address, width=1400)


def _preview(page: Page, old: str = "") -> tuple[str, np.ndarray]:
    """Address and pixels of the next preview that is not `old`."""
    page.wait_for_function(_NEW_PICTURE, arg=old)
    src = str(page.evaluate("document.querySelector('#preview img').src"))
    with Image.open(BytesIO(page.request.get(src).body())) as image:
        return src, np.asarray(image.convert("RGB")).astype(int)


def _stroke(page: Page) -> None:
    """Paints from left to right over the upper part of the face."""
    page.locator("#editor").scroll_into_view_if_needed()
    box: Any = page.locator("#editor canvas").first.bounding_box()
    y = box["y"] + 0.25 * box["height"]
    page.mouse.move(box["x"] + 0.4 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=5)
    page.mouse.up()


def test_what_cannot_be_used_is_said_as_the_command_says_it(page: Page, tmp_path: Path) -> None:
    write_png(tmp_path / "wall.png", np.full((64, 64, 3), 90, np.uint8))
    page.set_input_files("#face input[type=file]", tmp_path / "wall.png")
    page.get_by_text("wall.png: no face found").wait_for()
    page.click("#make")
    page.get_by_text("no face and speech yet: add a face and speech first").wait_for()


def test_keys_are_enough_to_choose(page: Page) -> None:
    page.locator("#people .grid-container button").first.focus()
    page.keyboard.press("Enter")
    _preview(page)
    page.locator("#region input:checked").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('#region input:checked').value === 'nose'", timeout=10_000)


def test_from_an_upload_to_a_painted_mask_and_a_played_video(page: Page, project: Path, tmp_path: Path) -> None:
    upload = tmp_path / "visitor.png"
    person = read_image(next((project / "results").rglob("s1.png")))
    write_png(upload, np.maximum(person, 4) - 4)
    before = str(page.evaluate("document.querySelector('#preview img')?.src ?? ''"))
    page.locator("#face button[aria-label='Clear'], #face button[aria-label='Remove']").first.click()
    page.set_input_files("#face input[type=file]", upload)
    src, _ = _preview(page, before)
    page.fill("#text textarea", "Good morning!")
    page.click("#say")
    src, own = _preview(page, src)
    page.wait_for_selector("#editor canvas")
    page.wait_for_timeout(500)  # the editor lays its picture out after it has been given it
    _stroke(page)
    src, painted = _preview(page, src)
    assert np.abs(painted - own).max() > 10
    assert (painted == own).mean() > 0.5  # most of the picture is not touched
    page.locator("#editor button[aria-label*='ndo']").first.click()
    _, undone = _preview(page, src)
    assert (undone == own).all()
    page.click("#make")
    page.wait_for_function("document.querySelector('#video video')?.duration > 0.3")
    page.evaluate("(v => { v.muted = true; v.play() })(document.querySelector('#video video'))")
    page.wait_for_function("document.querySelector('#video video').currentTime > 0.2")
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "visitor-talks-1.mp4"
    assert open_video(Path(download.value.path()).rename(tmp_path / "talk.mp4"), "pyav").seconds > 0.3


def test_a_phone_shows_all_of_it(page: Page) -> None:
    page.set_viewport_size({"width": PHONE_PX, "height": 844})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_PX


def test_nothing_is_asked_of_other_machines_and_nothing_is_kept(
    page: Page, browser: Browser, address: str, folder: Path
) -> None:
    assert [url for url in browser.requests if not url.startswith(address)] == []
    assert list(folder.rglob("visitor*.*"))
    page.goto("about:blank")
    until = time.monotonic() + 20
    examples = {path.name for path in (folder / "examples").iterdir()}
    while _files(folder) - examples and time.monotonic() < until:
        time.sleep(0.1)
    assert _files(folder) == examples


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("host", ["no-such-host.invalid", "::1", "192.0.2.1"])
def test_where_nobody_can_listen_is_said_in_a_line(
    host: str, project: Path, talker: Talker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Talker, "load", lambda *_, **__: talker)
    with (
        pytest.raises(BadInputError, match=f"--host {host} --port 0: cannot be listened on"),
        serve(project, "demo", StudioOptions(host=host, port=0), tmp_path),
    ):
        pass

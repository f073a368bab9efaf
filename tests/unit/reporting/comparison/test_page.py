"""`segtalker compare`, from a store alone."""

import base64
import re
from pathlib import Path

import pytest
from browser import Browser


def test_compare_shows_params_scores_curves_and_frames(command, tmp_path) -> None:
    code, out, errors = command("compare", "demo", "no-sync", "--out", str(tmp_path / "o"))
    assert (code, errors) == (0, "")
    assert re.search(r"train_tsg\.loss_weights\.sync +0\.03 +0\.0", out)
    assert re.search(r"mouth_iou ↑ +0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] +0\.\d{3} \[.*\] +-0\.\d{3} \[-", out)
    page = (tmp_path / "o" / "compare.html").read_text(encoding="utf-8")
    assert "train_tsg.loss_weights.sync" in page
    assert "Not comparable" not in page
    images = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", page)
    assert len(images) == 2 * 2 + 2 * 2  # two figures on two papers, two strips of two runs; one was no picture
    assert all(base64.b64decode(image)[8:12] == b"WEBP" for image in images)
    assert not re.search(r"""(src|href)="(?!data:|#)""", page)
    assert page.count("data:video/mp4;base64,") == 3  # of two runs and the recording; one clip's was no video
    assert (tmp_path / "o" / "figures" / "curves_train_tsg.png").is_file()


def test_compare_holds_no_run_of_another_protocol_against_the_first(command, shelf, tmp_path) -> None:
    code, out, _ = command("compare", "demo", shelf.ids["demo base.seed=8"], "--out", str(tmp_path / "o"))
    assert code == 0
    assert "not comparable: demo base.seed=8 was measured by another protocol than demo" in out
    page = (tmp_path / "o" / "compare.html").read_text(encoding="utf-8")
    assert "Not comparable" in page
    assert "Δ" not in page
    assert "data:video" not in page
    assert "Frame by frame" not in page  # the clips of another seed are others, under the same names


@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser_nothing_overflows_and_nothing_is_asked_for(
    command, browser: Browser, tmp_path: Path, width: int
) -> None:
    command("compare", "demo", "no-sync", "--out", str(tmp_path / "o"))
    path = tmp_path / "o" / "compare.html"
    browser.open(path, width)
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.run("[...document.images].filter((one) => one.offsetParent && !one.naturalWidth).length") == 0
    heading = "[...document.querySelectorAll('#runs ~ .card tbody th')].find((one) => one.textContent === 'experiment')"
    assert browser.run(f"{heading}.getBoundingClientRect().height") < 45  # one line: the word is not torn
    protocol = "document.querySelector('.scores details p')"
    assert not browser.run(f"{protocol}.checkVisibility()")
    browser.click("document.querySelector('.scores summary')")
    assert browser.run(f"{protocol}.checkVisibility()")
    for cell in ("#results ~ .card .scores tr:nth-child(2) > :last-child", ".player .tile:nth-child(2) .screen"):
        # both runs are seen without scrolling, on a phone too
        assert browser.run(f"document.querySelector('{cell}').getBoundingClientRect().right") <= width
    assert browser.run("document.querySelectorAll('.scores')[0].closest('.scroll').classList.contains('more')") is False
    browser.wait("[...document.querySelectorAll('.player video')].every((one) => one.readyState === 4)")
    browser.click("document.querySelector('.player .play')")
    videos = "[...document.querySelectorAll('.player video')]"
    browser.wait(f"{videos}.length === 3 && {videos}.every((one) => !one.paused && one.currentTime > 0.2)")
    times = browser.run(f"{videos}.map((one) => one.currentTime)")
    assert max(times) - min(times) < 1 / 25
    assert browser.run(f"{videos}.map((one) => one.muted)") == [False, True, True]
    assert browser.requests == [path.resolve().as_uri()]
    assert browser.complaints == []

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from browser import Browser

from flows.stages.common import StageRun
from flows.stages.tables import tables
from segtalker.clips.store import CLIP_COLUMNS, write_table
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace
from segtalker.reporting.pages.dataset import dataset_page
from segtalker.tracking.provenance import read_settings

SIGNATURE = "0123456789abcdef" * 4
FRAME_S = 1 / 25
DATASET_PAGE = "datasets/synthetic.html"
VOID = {"meta", "img", "br", "wbr", "input"}


def run_tables(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs the stage inside a project folder; the page it wrote."""
    monkeypatch.chdir(root)
    params = load_params()
    tables(StageRun("tables", params, Workspace(Path(), "synthetic", "demo"), SIGNATURE, None))
    return (root / "reports" / "index.html").read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Notes every tag and checks that they are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(shared_project: Path) -> str:
    """The report, beside the page of its dataset."""
    workspace = Workspace(shared_project, "synthetic", "demo")
    recordings = [{"clip_id": "person00", "source": "person00.mp4", "seconds": 1.2}]
    write_table(workspace.data("download") / "clips.csv", recordings, CLIP_COLUMNS)
    (shared_project / "reports" / "datasets").mkdir(parents=True)
    dataset = dataset_page(workspace, [], [], load_params(shared_project).gate, None)
    (shared_project / "reports" / DATASET_PAGE).write_text(dataset, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        return run_tables(shared_project, patch)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_page_holds_all_it_shows_and_every_link_leads_somewhere(page: str) -> None:
    tags = read(page).tags
    addresses = [value or "" for _, attrs in tags for name, value in attrs.items() if name in ("src", "href")]
    assert {address for address in addresses if not address.startswith(("data:", "#"))} == {DATASET_PAGE}
    # params name addresses; nothing else does, and nothing loads from one
    assert not re.search(r"https?://", re.sub(r"lists_url\W+(quot;)?https://\S+", "", page))
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {address[1:] for address in addresses if address.startswith("#")} <= set(ids)
    assert len(page) < 15e6


def test_pictures_and_buttons_have_words(page: str) -> None:
    for tag, attrs in read(page).tags:
        assert tag != "img" or attrs["alt"]
        assert tag not in ("button", "video", "input") or attrs.get("aria-label") or "data-copy" in attrs


def test_videos_play_and_one_of_them_is_heard(page: str, tmp_path: Path) -> None:
    videos = re.findall(r"data:video/mp4;base64,([A-Za-z0-9+/=]+)", page)
    assert len(videos) == 2 * 6
    sounds = []
    for index, text in enumerate(videos):
        path = tmp_path / f"{index}.mp4"
        path.write_bytes(base64.b64decode(text))
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 30
            sounds.append(len(container.streams.audio))
    assert sounds == [0, 1, 1, 1, 1, 1] * 2
    assert page.count('aria-pressed="true" aria-label="Listen') == 2


def test_tables_figures_and_page_are_the_same_bytes_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def contents() -> dict[str, bytes]:
        reports = project / "reports"
        return {str(path.relative_to(reports)): path.read_bytes() for path in reports.rglob("*") if path.is_file()}

    run_tables(project, monkeypatch)
    first = contents()
    (project / "reports" / "figures" / "left_over.png").write_bytes(b"")
    run_tables(project, monkeypatch)
    assert contents() == first
    assert DATASET_PAGE not in (project / "reports" / "index.html").read_text(encoding="utf-8")  # there is none here
    videos = {name for name in first if name.endswith(".mp4")}
    assert videos == {f"figures/{kind}_person0{index}_000.mp4" for kind in ("video", "truth") for index in range(2)}
    names = {Path(name).stem for name in first.keys() - videos if name.startswith("figures/")}
    assert names == {"clips", "dag", "regions", "training_tsg", "training_sgi", "edits_person00_000"} | {
        f"{kind}_person0{index}_000" for kind in ("strip", "mouth") for index in range(2)
    }


def test_the_page_says_what_is_missing_and_what_failed(page: str) -> None:
    for words in (
        "fetch alexnet-owt-7be5be79.pth",
        "no audio track",
        "no face found",
        SIGNATURE,
        "whom no network saw",
    ):
        assert words in page


@pytest.fixture(scope="module")
def foreign(changed_project: Path) -> tuple[Path, str]:
    """A project whose failures hold markup and whose clips show emotions, and its page."""
    root = changed_project
    failures = root / "data" / "crop" / "synthetic" / "failures.csv"
    failures.write_text('clip_id,source,reason\n<script>alert(1)</script>,x,"a ""b"" & <c>"\n')
    clips = "clip_id,subject,emotion,level\nperson00_000,person00,angry,3\nperson01_000,person01,sad,3\n"
    (root / "results" / "demo" / "evaluate" / "clips.csv").write_text(clips)
    with pytest.MonkeyPatch.context() as patch:
        return root, run_tables(root, patch)


def test_words_from_outside_cannot_become_markup(foreign: tuple[Path, str]) -> None:
    _, page = foreign
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    read(page)


def test_scores_by_emotion_are_on_the_page(foreign: tuple[Path, str]) -> None:
    root, page = foreign
    for words in ("By emotion", ">emotion angry<", ">emotion sad<", "By level", ">level 3<"):
        assert words in page
    table = pd.read_csv(root / "reports" / "tables" / "emotions.csv").set_index(["group", "method", "metric"])
    assert f">{table.loc[('angry', 'segtalker', 'psnr'), 'mean']:.2f}<" in page


def test_settings_of_the_run_are_part_of_the_command(tmp_path: Path) -> None:
    project = tmp_path
    (project / "params.yaml").write_bytes((Path(__file__).parents[4] / "params.yaml").read_bytes())
    (project / "experiments").mkdir()
    (project / "experiments" / "small.yaml").write_text("train_tsg: {steps: 9}\nbase: {fps: 20}\n")
    text = "active: {experiment: small, dataset: synthetic}\ntrain_tsg: {steps: 10}\nbase: {fps: 20}\n"
    text += "training: {start_sha256: 12ab}\ntrain_parser: {pairs_sha256: 34cd}\ntrain_sgi: {pairs_sha256: 34cd}\n"
    (project / "experiment.yaml").write_text(text)
    assert read_settings(project, "small") == ("train_tsg.steps=10",)


@pytest.fixture
def opened(shared_project: Path, page: str, browser: Browser) -> Browser:
    """The written file in a browser, its players awake."""
    browser.open(shared_project / "reports" / "index.html", 1280)
    browser.wait("[...document.querySelectorAll('.player video')].every((one) => one.readyState === 4)")
    return browser


# places that scroll sideways and do not say so, or say so and do not
MISLED = """[...document.querySelectorAll(".scroll")].filter((box) => {
  const scrolls = box.checkVisibility() && box.scrollWidth - box.clientWidth >= 2;
  const [hint, fades] = [box.previousElementSibling, box.classList.contains("more")];
  return !hint.matches(".hint") || hint.hidden === scrolls || fades !== scrolls || (scrolls && box.tabIndex !== 0);
}).length"""


@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser_nothing_overflows_nothing_is_asked_for_and_the_players_wake(
    page: str, shared_project: Path, browser: Browser, width: int
) -> None:
    path = shared_project / "reports" / "index.html"
    browser.open(path, width)
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.run("document.querySelectorAll('.player [hidden]').length") == 0
    assert browser.run(MISLED) == 0
    assert (browser.run("document.querySelectorAll('.hint:not([hidden])').length") > 3) == (width == 360)
    assert browser.run("[...document.images].filter((one) => one.offsetParent && !one.naturalWidth).length") == 0
    assert browser.requests == [path.resolve().as_uri()]
    assert browser.complaints == []
    box = "[...document.querySelectorAll('.scroll')].find((one) => one.classList.contains('more'))"
    if width == 360:
        browser.run(f"(window.seen = {box}).scrollLeft = 9999")
        browser.wait("!seen.classList.contains('more') && seen.previousElementSibling.classList.contains('done')")


def test_in_a_browser_what_was_not_measured_is_one_line_that_unfolds(opened: Browser) -> None:
    block = "document.querySelector('details.notice')"
    assert opened.run(f"{block}.innerText").startswith("Not measured here: ")
    assert opened.run(f"{block}.getBoundingClientRect().height") < 80
    opened.click(f"{block}.querySelector('summary')")
    assert opened.run(f"{block}.querySelector('td').checkVisibility()")


def test_in_a_browser_the_theme_is_kept_on_the_datasets_page_and_after(
    page: str, shared_project: Path, browser: Browser
) -> None:
    report, theme = shared_project / "reports" / "index.html", "document.documentElement.dataset.theme"
    browser.open(report, 1280)
    assert browser.run(theme) is None  # as the system has it
    browser.click("document.querySelector('.theme')")
    chosen = browser.run(theme)
    assert chosen in ("light", "dark")
    browser.run("localStorage.clear()")  # some browsers keep none for pages in files: the link says it
    browser.click("document.querySelector('a[data-page]')")
    browser.wait("document.title.includes('dataset')")
    assert browser.run(theme) == chosen
    browser.open(report, 1280)  # and where there is one, no link is needed
    assert browser.run(theme) == chosen
    browser.click("document.querySelector('.theme')")
    assert browser.run(theme) != chosen
    browser.run("localStorage.clear()")
    assert browser.complaints == []


# of the videos of each player: how many play, their times, and which are heard
STATE = """[...document.querySelectorAll(".player")].map((player) => {
  const videos = [...player.querySelectorAll("video")];
  return { playing: videos.filter((one) => !one.paused).length, times: videos.map((one) => one.currentTime),
           heard: videos.filter((one) => !one.muted).map((one) => one.getAttribute("aria-label")) };
})"""
WATCH = f"""new Promise((done) => {{
  const seen = [];
  const look = () => seen.push({STATE}) < 60 ? setTimeout(look, 40) : done(seen);
  look();
}})"""


def _midway(seen: list) -> list:
    """The first player where it is not near the ends of its 1.2 s: there some wait for the others to start again."""
    return [mine for mine, _ in seen if min(mine["times"]) > 0.1 and max(mine["times"]) < 1.0]


def test_in_a_browser_one_button_plays_all_videos_of_a_clip_in_sync(opened: Browser) -> None:
    button = "document.querySelectorAll('.player .play')[{}]"
    assert opened.run("document.querySelector('.player .clock').textContent") == "0.0 / 1.2 s"
    assert [player["playing"] for player in opened.run(STATE)] == [0, 0]
    opened.click(button.format(0))
    seen = opened.run(WATCH)
    midway = _midway(seen)
    assert len(midway) > 5
    assert {mine["playing"] for mine in midway} == {6}
    assert {other["playing"] for _, other in seen} == {0}
    assert np.median([np.ptp(mine["times"]) for mine in midway]) < FRAME_S
    assert opened.run(STATE)[0]["heard"] == ["SegTalker, person00_000"]
    opened.click(button.format(1))
    assert [player["playing"] > 0 for player in opened.run(STATE)] == [False, True]
    opened.click(button.format(1))
    assert [player["playing"] for player in opened.run(STATE)] == [0, 0]
    assert opened.complaints == []


def test_in_a_browser_a_player_that_was_stopped_at_its_end_does_not_start_again(opened: Browser) -> None:
    opened.click("document.querySelectorAll('.player .play')[1]")
    videos = "[...document.querySelector('.player').querySelectorAll('video')]"
    opened.run(f"{videos}.forEach((one) => one.dispatchEvent(new Event('ended')))")
    assert [player["playing"] > 0 for player in opened.run(STATE)] == [False, True]


@pytest.mark.parametrize("late_s", [0.08, 0.4])
def test_in_a_browser_a_video_that_falls_behind_is_taken_along(opened: Browser, late_s: float) -> None:
    opened.click("document.querySelector('.player .play')")
    late = "document.querySelectorAll('.player video')[4]"
    opened.wait(f"{late}.currentTime > 0.45")
    opened.run(f"{late}.currentTime -= {late_s}")
    seen = _midway(opened.run(WATCH))
    behind = [max(mine["times"]) - mine["times"][4] for mine in seen if max(mine["times"]) > 0.8]
    assert len(behind) > 2
    assert np.median(behind) < FRAME_S


def test_in_a_browser_a_speaker_chooses_who_is_heard_and_the_slider_where(opened: Browser) -> None:
    opened.click("document.querySelectorAll('.player .sound')[1]")
    assert opened.run(STATE)[0]["heard"] == ["Shuffled audio, person00_000"]
    opened.click("document.querySelector('.player .wave input')")
    opened.wait("[...document.querySelector('.player').querySelectorAll('video')].every((one) => !one.seeking)")
    times = opened.run(STATE)[0]["times"]
    assert times == pytest.approx([0.6] * 6, abs=0.03)


def test_in_a_browser_tables_are_sorted_by_a_click(opened: Browser) -> None:
    table = "[...document.querySelectorAll('table.plain')].find((one) => one.tHead.textContent.includes('subjects'))"
    column = f"[...{table}.tBodies[0].rows].map((row) => Number(row.cells[2].textContent))"
    opened.click(f"{table}.querySelectorAll('.sort')[2]")
    rising = opened.run(column)
    assert len(set(rising)) > 1
    assert rising == sorted(rising)
    opened.click(f"{table}.querySelectorAll('.sort')[2]")
    assert opened.run(column) == sorted(rising, reverse=True)


def test_in_a_browser_methods_are_ordered_by_a_metric(opened: Browser) -> None:
    row = "[...document.querySelectorAll('table.scores tr')].find((one) => one.textContent.includes('lmd_mouth'))"
    names = f"[...{row}.closest('table').tHead.rows[0].cells].slice(1).map((cell) => cell.textContent.trim())"
    values = f"[...{row}.cells].slice(1).map((cell) => parseFloat(cell.textContent.trim()))"
    before = dict(zip(opened.run(names), opened.run(values), strict=True))
    opened.click(f"{row}.querySelector('.order')")
    after = dict(zip(opened.run(names), opened.run(values), strict=True))
    assert list(after) != list(before)
    assert list(after.values()) == sorted(before.values())  # less is better
    assert after == before

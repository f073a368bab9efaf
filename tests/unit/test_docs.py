"""The pages say what is so: links lead somewhere, options and params exist, the shown table is the committed one."""

import csv
import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from flows.cli import app
from segtalker.config.params import Params, load_params

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/**/*.md"))
PAGES += [ROOT / "reports" / "README.md"]
DEMO = ROOT / "reports" / "demo" / "results.csv"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_options_exist(page: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, rest in re.findall(r"^segtalker ([a-z-]+)(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert name in commands, name
        word = (rest.split() or [""])[0]
        command = getattr(commands[name], "commands", {}).get(word, commands[name])  # of a group
        known = {option for parameter in command.params for option in parameter.opts}
        used = set(re.findall(r"(?<=\s)(--[a-z-]+)", rest.split(" #")[0]))
        assert used <= known, (name, used - known)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_shown_params_exist(page: Path) -> None:
    params = load_params(ROOT).model_dump()
    shown = r"(?:--set|-S) '?(?:experiment\.yaml:)?([a-z_]+\.[a-z_.]+)="
    for key in re.findall(shown, page.read_text(encoding="utf-8")):
        value = params
        for part in key.split("."):
            assert part in value, key
            value = value[part]
    assert set(params) == set(Params.model_fields)


def _cells(line: str) -> list[str]:
    return [cell.strip(" `*") for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def test_the_readme_shows_the_committed_run() -> None:
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- results -->")[1].split("<!-- /results -->")[0]
    lines = [line for line in block.splitlines() if line.startswith("|")]
    names = [cell.split("`")[0].split(" ")[0] for cell in _cells(lines[0])]
    shown = [dict(zip(names, _cells(line), strict=True)) for line in lines[2:]]
    with DEMO.open(encoding="utf-8") as rows:
        committed = {row["method"]: row for row in csv.DictReader(rows)}
    assert {row["method"] for row in shown} == set(committed)
    for row in shown:
        for name in set(names) - {"method"}:
            value, text = committed[row["method"]][name], row[name]
            assert bool(value) == bool(text), (row["method"], name)
            if value:
                digits = len(text.partition(".")[2])
                assert float(text) == pytest.approx(float(value), abs=0.5001 * 10**-digits), (row["method"], name)


MARKS = {"better": "+", "worse": "−", "not told apart": "", "": ""}


def test_the_readme_shows_where_in_the_picture_methods_differ() -> None:
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- areas -->")[1].split("<!-- /areas -->")[0]
    lines = [_cells(line) for line in block.splitlines() if line.startswith("|")]
    tables = {}
    for name in ("areas", "verdicts"):
        with (DEMO.parent / f"{name}.csv").open(encoding="utf-8") as file:
            tables[name] = {(row["metric"], row["area"], row["method"]): row for row in csv.DictReader(file)}
    methods = [cell.strip("`") for cell in lines[0][2:]]
    assert len(lines) > 10
    for metric, area, *cells in lines[2:]:
        for method, cell in zip(methods, cells, strict=True):
            key = (metric.split("`")[0], area.replace(" box", "").replace(" ", "_"), method)
            value, _, mark = cell.partition(" ")
            digits = len(value.partition(".")[2])
            committed = float(tables["areas"][key]["mean"])
            assert float(value) == pytest.approx(committed, abs=0.5001 * 10**-digits), key
            assert mark == MARKS[tables["verdicts"].get(key, {"verdict": ""})["verdict"]], key


def test_the_readme_shows_the_spread_over_seeds() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    start = next(index for index, line in enumerate(lines) if "seeds.csv" in line)
    table = [_cells(line) for line in lines[start:] if line.startswith("|")]
    names = [cell.split("`")[0] for cell in table[0][1:]]
    with (DEMO.parent / "seeds.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for line in table[2:6]:
        for name, text in zip(names, line[1:], strict=True):
            values = [float(row[name]) for row in rows if row["method"] == line[0]]
            assert [float(end) for end in text.split("-")] == pytest.approx([min(values), max(values)], abs=0.0051)


def test_the_readme_shows_every_room_in_its_order() -> None:
    """Rooms stand above those they are built on, as the contract of layers has them."""
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("## What is where")[1].split("```")[1]
    shown = re.findall(r"^[├└]── ([\w.]+?)/? ", tree, re.MULTILINE)
    rooms = {path.name for path in (ROOT / "segtalker").iterdir() if path.name[0] != "_"}
    assert set(shown) == rooms
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract.get("containers") == ["segtalker"])
    floor = {room: number for number, layer in enumerate(layers) for room in layer.split(" | ")}
    assert set(floor) == {room.removesuffix(".py") for room in rooms}
    floors = [floor[room.removesuffix(".py")] for room in shown]
    assert floors == sorted(floors)


def test_the_readme_shows_what_lies_at_the_top() -> None:
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("## What is where")[1].split("```")[1]
    for name in re.findall(r"^([\w.]+)/? ", tree, re.MULTILINE):
        assert (ROOT / name).exists(), name

"""Runs are listed and found by their names and ids, from a store alone."""

import re

import pytest


def test_runs_lists_those_with_scores_and_all_on_demand(command, shelf) -> None:
    code, out, _ = command("runs")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()[1:] if line.startswith(" ")}
    demo = lines[shelf.ids["demo"][:8]]
    assert re.search(r"demo +demo +drawn +demo +[0-9a-f]{8} +finished", demo)
    assert re.search(r"psnr=2\d\.\d", demo)
    assert "finished" in demo
    assert shelf.ids["unfinished"][:8] not in lines
    assert "2 more without scores; --all shows them" in out
    _, everything, _ = command("runs", "--all")
    assert shelf.ids["unfinished"][:8] in everything
    assert "no scores yet" in everything
    assert "running" in everything
    _, some, _ = command("runs", "--experiment", "no-sync")
    assert [line.split()[0] for line in some.splitlines()[1:]] == [shelf.ids["no-sync"][:8]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tables", "nobody"], "run nobody: no such run; there are: "),
        (["compare", "demo", "nobody"], "run nobody: no such run"),
        (["tables", "unfinished"], "has no scores, it came as far as train_sync (finished); segtalker reproduce"),
        (["tables", "killed"], "has no scores, no stage of it has finished (running)"),
        (["tables", "old"], "evaluate/metrics.csv is not kept with it in MLflow"),
        (["tables", "no-number"], "evaluate/metrics.csv: 'about "),
        (["compare", "demo", "demo"], " demo; name two or more by their ids, see segtalker runs"),
        (["compare", "demo"], "that is one run"),
        (["runs", "--experiment", "nothing"], "--experiment nothing: no run of it"),
        (["tables", "demo", "--out", "params.yaml"], "--out params.yaml: no folder can be made there"),
        (["tables", "\x1b[2Jdemo"], "run ?[2Jdemo: no such run"),
    ],
)
def test_what_cannot_be_done_is_said_on_one_line(command, arguments, message) -> None:
    code, _, errors = command(*arguments)
    assert code == 2
    assert message in errors
    assert errors.count("\n") == 1
    assert errors.isprintable() or errors.rstrip("\n").isprintable()


def test_an_id_is_as_long_as_it_has_to_be(command, shelf, tmp_path) -> None:
    ids = list(shelf.ids.values())
    letter = max("0123456789abcdef", key=lambda start: sum(run_id.startswith(start) for run_id in ids))
    code, _, errors = command("tables", letter)
    assert code == 2
    assert "it may be any of" in errors
    assert all(run_id[:8] in errors for run_id in ids if run_id.startswith(letter))
    code, _, _ = command("tables", shelf.ids["no-sync"], "--out", str(tmp_path / "o"))
    assert code == 0

"""Which stages run beside which, in which order, and when all will be done."""

from pathlib import Path

import pytest

from flows.schedule import Resources, Schedule, Share, stage_share
from segtalker.config.params import Params, load_params
from segtalker.config.stages import STAGE_INPUTS, STAGES, Stage

PROJECT = Path(__file__).parents[3]
TWO_CORES = Resources(2, ())
SECONDS: dict[Stage, float] = {"train_sync": 100, "train_tsg": 300, "train_sgi": 350, "train_wav2lip": 400}


def schedule(machine: Resources = TWO_CORES, gpus: int = 0) -> Schedule:
    """All stages; a training takes one core, every other stage all of them."""
    shares = {
        stage: Share(1, gpus) if stage.startswith("train") else Share(machine.cores, len(machine.gpus))
        for stage in STAGES
    }
    return Schedule(shares, machine, dict.fromkeys(STAGES, 10.0) | SECONDS)


def played(plan: Schedule) -> list[set[Stage]]:
    """What runs together, from the first stage to the last, each taking as long as expected."""
    ends: dict[Stage, float] = {}
    now, together = 0.0, []
    while not plan.finished:
        for stage in plan.startable():
            plan.start(stage)
            ends[stage] = now + plan.seconds[stage]
        together.append(set(plan.running))
        first = min(plan.running, key=ends.__getitem__)
        now = ends[first]
        plan.end(first)
    return together


def test_trainings_run_beside_each_other_and_clips_alone() -> None:
    together = played(schedule())
    assert {"train_sync", "train_sgi"} in together
    assert {"train_wav2lip", "train_sgi"} in together
    assert max(map(len, together)) == 2
    for running in together:
        assert len(running) == 1 or all(stage.startswith("train") for stage in running)


def test_no_stage_begins_before_its_inputs() -> None:
    plan, done = schedule(), set[Stage]()
    while not plan.finished:
        for stage in plan.startable():
            assert set(STAGE_INPUTS[stage]) <= done
            plan.start(stage)
        ended = next(iter(plan.running))
        plan.end(ended)
        done.add(ended)


def test_the_longest_way_to_the_end_goes_first() -> None:
    plan = schedule()
    plan.ended_stages = set(STAGES[: STAGES.index("train_sync") + 1])
    assert plan.startable() == ["train_wav2lip", "train_sgi"]


def test_the_time_left_counts_what_runs_together() -> None:
    plan = schedule()
    plan.ended_stages = set(STAGES[: STAGES.index("train_sync") + 1])
    # 400 beside 350, then the 300 of train_tsg, then generate, evaluate and tables
    assert plan.seconds_left({}) == pytest.approx(350 + 300 + 30)
    plan.start("train_wav2lip")
    plan.start("train_sgi")
    assert plan.seconds_left({"train_wav2lip": 100, "train_sgi": 100}) == pytest.approx(250 + 300 + 30)
    assert set(plan.running) == {"train_wav2lip", "train_sgi"}


def test_each_training_has_a_gpu_of_its_own() -> None:
    plan = schedule(Resources(8, ("0", "2")), gpus=1)
    plan.ended_stages = set(STAGES[: STAGES.index("train_sync") + 1])
    assert plan.startable() == ["train_wav2lip", "train_sgi"]
    assert (plan.start("train_wav2lip"), plan.start("train_sgi")) == (("0",), ("2",))
    plan.end("train_wav2lip")
    assert plan.start("train_tsg") == ("0",)


@pytest.mark.parametrize(
    ("processes", "machine", "share"),
    [
        (1, Resources(8, ()), Share(2, 0)),
        (3, Resources(8, ()), Share(6, 0)),
        (8, Resources(8, ()), Share(8, 0)),
        (2, Resources(8, ("0", "1")), Share(4, 2)),
        (1, Resources(8, ("0", "1")), Share(2, 1)),
    ],
)
def test_a_training_takes_threads_and_a_gpu_for_each_process(processes: int, machine: Resources, share: Share) -> None:
    assert stage_share(with_threads(2, processes), "train_sgi", machine) == share


def test_what_says_no_threads_takes_all_cores() -> None:
    params, machine = with_threads(1, 1), Resources(8, ("0",))
    assert stage_share(params, "generate", machine) == Share(8, 1)
    assert stage_share(with_threads(64, 1), "train_sgi", machine).cores == 8


def with_threads(threads: int, processes: int) -> Params:
    params = load_params(PROJECT)
    training = params.training.model_copy(update={"processes": processes})
    return params.model_copy(
        update={"training": training, "train_sgi": params.train_sgi.model_copy(update={"threads": threads})}
    )

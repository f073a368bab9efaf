"""Stages stand in the order in which they can run."""

from segtalker.config.stages import STAGE_INPUTS, STAGES, shared_sections


def test_a_stage_reads_earlier_ones_alone_and_each_once() -> None:
    assert tuple(STAGE_INPUTS) == STAGES
    for place, stage in enumerate(STAGES):
        assert set(STAGE_INPUTS[stage]) <= set(STAGES[:place])
        assert len(set(STAGE_INPUTS[stage])) == len(STAGE_INPUTS[stage])


def test_every_stage_but_the_last_is_read() -> None:
    assert {name for inputs in STAGE_INPUTS.values() for name in inputs} == set(STAGES[:-1])


def test_trainings_alone_share_how_is_trained() -> None:
    assert {stage for stage in STAGES if "training" in shared_sections(stage)} == {
        stage for stage in STAGES if stage.startswith("train_")
    }

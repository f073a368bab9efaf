"""What a sweep tries, read from the command line; whatever cannot be tried is said before anything starts."""

from pathlib import Path

import pytest

from segtalker.config.experiment import compose
from segtalker.config.search_space import Choices, Range, grid, read_space
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[3]


def _one(text: str) -> Range | Choices:
    return read_space(ROOT, "demo", (), (text,))[0].space


def test_ranges_are_of_the_kind_of_their_param() -> None:
    assert _one("train_tsg.learning_rate=log:1e-5:1e-3") == Range(1e-5, 1e-3, None, True, False)
    assert _one("train_tsg.balance=0:1") == Range(0.0, 1.0, None, False, False)
    assert _one("train_tsg.batch_size=2:8:2") == Range(2, 8, 2, False, True)
    assert _one("train_tsg.batch_size=log:2:64") == Range(2, 64, None, True, True)


def test_choices_may_be_anything() -> None:
    assert _one("train_tsg.loss_weights.sync=0.01,0.03,1e-1").values == (0.01, 0.03, 0.1)
    assert _one("train_sgi.encoder.mask_guided=true,false").values == (True, False)
    lists = _one("tables.key_metrics=[psnr],[psnr, lmd_mouth]")
    assert lists.values == ('["psnr"]', '["psnr", "lmd_mouth"]')
    assert lists.contents == (["psnr"], ["psnr", "lmd_mouth"])


def test_a_setting_is_read_back_as_the_value_it_was_made_of() -> None:
    space = read_space(ROOT, "demo", (), ("train_tsg.learning_rate=log:1e-6:1e-3", "tables.key_metrics=[psnr],[ssim]"))
    value = 1.2345678901234567e-05
    settings = [space[0].setting(value), space[1].setting('["ssim"]')]
    params = compose(ROOT, "demo", settings)[1]
    assert params.train_tsg.learning_rate == value
    assert params.tables.key_metrics == ("ssim",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train_tsg.nope=1,2", "train_tsg.nope: Extra inputs are not permitted"),
        ("train_tsg.sync_weight=0.1,0.2", "is train_tsg.loss_weights.sync now"),
        ("train_tsg.learning_rate", "expected KEY=LOW:HIGH"),
        ("train_tsg.learning_rate=", "expected KEY=LOW:HIGH"),
        ("train_tsg.learning_rate=a:b", "expected KEY=LOW:HIGH"),
        ("train_tsg.learning_rate=1:2:3:4", "expected KEY=LOW:HIGH"),
        ("train_tsg.learning_rate=1e-3:1e-3", "an empty range"),
        ("train_tsg.learning_rate=log:0:1", "begins above 0"),
        ("train_tsg.learning_rate=1e-3:inf", "finite"),
        ("train_tsg.learning_rate=log:1e-5:1e-3:2", "not for log"),
        ("train_tsg.balance=0:1:2", "no longer than the range"),
        ("train_tsg.batch_size=1.5:4", "takes whole numbers"),
        ("train_sgi.encoder.mask_guided=0:1", "holds no number"),
        ("train_tsg.learning_rate=1e-3", "one value alone"),
        ("train_tsg.learning_rate=1e-3,0.001", "twice"),
        ("train_tsg.learning_rate=[1,", "not valid YAML"),
        ("tables.bootstrap_draws=200,50", "greater than or equal to 100"),
        ("tables.bootstrap_draws=50:200", "greater than or equal to 100"),
        ("machine.workers=1,2", "changes no result"),
    ],
)
def test_what_cannot_be_tried_is_said_on_one_line(text: str, message: str) -> None:
    with pytest.raises(BadInputError) as said:
        _one(text)
    assert str(said.value).startswith(f"--param {text}: ")
    assert message in str(said.value)
    assert "\n" not in str(said.value)


def test_a_key_is_named_once_and_something_is_tried() -> None:
    with pytest.raises(BadInputError, match=r"tables\.video_crf is named twice"):
        read_space(ROOT, "demo", (), ("tables.video_crf=20,21", "tables.video_crf=22,23"))
    with pytest.raises(BadInputError, match="nothing to try"):
        read_space(ROOT, "demo", (), ())


def test_a_grid_holds_every_combination_once() -> None:
    texts = ("train_tsg.batch_size=2:6:2", "train_tsg.balance=0:1:0.5", "train_tsg.loss_weights.sync=0.1,0.2")
    points = grid(read_space(ROOT, "demo", (), texts))
    assert len(points) == 3 * 3 * 2 == len({tuple(point.values()) for point in points})
    assert points[0] == {"train_tsg.batch_size": 2, "train_tsg.balance": 0.0, "train_tsg.loss_weights.sync": 0.1}
    assert points[-1] == {"train_tsg.batch_size": 6, "train_tsg.balance": 1.0, "train_tsg.loss_weights.sync": 0.2}
    with pytest.raises(BadInputError, match="without end"):
        grid(read_space(ROOT, "demo", (), ("train_tsg.balance=0:1",)))


def test_steps_are_those_a_person_writes() -> None:
    assert _one("train_tsg.balance=0.1:0.3:0.1").values == (0.1, 0.2, 0.3)
    assert _one("train_tsg.learning_rate=1e-5:5e-5:2e-5").values == (1e-5, 3e-5, 5e-5)
    assert _one("train_tsg.batch_size=2:7:2").values == (2, 4, 6)

"""Which networks and weights measure, and what is said where they are missing."""

from pathlib import Path

import pytest

from segtalker.config.evaluation import Evaluate
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace
from segtalker.evaluation.metric_nets import WeightFiles
from segtalker.evaluation.run import evaluate_config
from segtalker.metrics.sync import EXPERT
from segtalker.utils.errors import MissingWeightsError


@pytest.fixture
def settings() -> Evaluate:
    return load_params(Path(__file__).parents[3]).evaluate


@pytest.mark.parametrize("key", ["syncnet_weights", "fid_weights", "identity_weights", "mediapipe_weights"])
def test_weights_that_are_not_where_a_param_says_are_named_with_what_to_fetch(
    settings: Evaluate, tmp_path: Path, key: str
) -> None:
    changed = settings.model_copy(update={key: str(tmp_path / "none.pth")})
    with pytest.raises(MissingWeightsError, match=rf"none\.pth: missing; fetch https://.* evaluate\.{key}"):
        WeightFiles.of(changed)


def test_without_a_trained_expert_its_metrics_say_so(tmp_path: Path) -> None:
    params = load_params(Path(__file__).parents[3])
    workspace = Workspace(tmp_path, "set", "new")
    parser = workspace.model("train_parser") / "parser.ckpt"
    parser.parent.mkdir(parents=True)
    parser.touch()
    nets = evaluate_config(params, workspace).nets
    assert nets.files() == [parser]
    assert "train_sync" in nets.missing(EXPERT)

"""Scores of a finished experiment."""

import pytest

from segtalker.config.workspace import Workspace
from segtalker.reporting.tables.scores import Scores, read_scores


@pytest.fixture
def scores(experiment: Workspace) -> Scores:
    return read_scores(experiment.results("evaluate"), ["psnr", "mouth_iou"])

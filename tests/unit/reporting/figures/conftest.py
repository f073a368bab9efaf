"""A sample of a finished experiment."""

import pytest

from segtalker.clips.store import load_clips
from segtalker.config.workspace import Workspace
from segtalker.reporting.figures.samples import Sample, choose_samples


@pytest.fixture(scope="module")
def sample(experiment: Workspace) -> Sample:
    clips = load_clips(experiment.root / "data", experiment.dataset, "test")
    return choose_samples(clips, experiment.results("generate"), "segtalker", 1, {})[0]

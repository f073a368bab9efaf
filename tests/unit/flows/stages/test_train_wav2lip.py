"""The baseline's training is composed as params say."""

import torch

from flows.stages.train_sync import expert_net
from flows.stages.train_wav2lip import wav2lip_module
from segtalker.config.params import Params


def test_the_baseline_computes_what_params_weigh(weighed: Params) -> None:
    base = weighed.base
    module = wav2lip_module(weighed, expert_net("image", weighed))
    module.step += module.steps
    faces = torch.zeros(1, base.window_frames, 3, module.generator.size, module.generator.size)
    terms = module.loss_terms(faces, faces, torch.zeros(1, base.mel.bins, base.mel_window))
    assert set(terms) == set(weighed.train_wav2lip.loss_weights)

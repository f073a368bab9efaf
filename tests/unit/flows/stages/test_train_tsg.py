"""The segmenter's training is composed as params say."""

import torch

from flows.stages.train_sync import expert_net
from flows.stages.train_tsg import tsg_module
from segtalker.config.params import Params


def test_the_segmenter_computes_what_params_weigh(weighed: Params) -> None:
    base = weighed.base
    module = tsg_module(weighed, expert_net("mask", weighed))
    regions = torch.zeros(1, base.window_frames, base.mouth_box.height, base.mouth_box.width, dtype=torch.uint8)
    windows = torch.zeros(1, base.window_frames, base.mel.bins, weighed.train_tsg.net.mel_window)
    scores = module.predict(regions, regions[:, 0], windows)
    terms = module.loss_terms(scores, regions, torch.zeros(1, base.mel.bins, base.mel_window))
    assert set(terms) == set(weighed.train_tsg.loss_weights)

"""The segmenter's training is composed as params say."""

from pathlib import Path

import torch

from flows.stages.train_sync import expert_net
from flows.stages.train_tsg import tsg_module
from segtalker.config.params import Params
from segtalker.losses.weighting import weighted_sum
from segtalker.nets.feature_encoder import FeatureSegmenter


def test_the_segmenter_computes_what_params_weigh(weighed: Params) -> None:
    base = weighed.base
    module = tsg_module(weighed, expert_net("mask", weighed))
    regions = torch.zeros(1, base.window_frames, base.mouth_box.height, base.mouth_box.width, dtype=torch.uint8)
    windows = torch.zeros(1, base.window_frames, base.mel.bins, weighed.train_tsg.net.mel_window)
    scores = module.predict(regions, regions[:, 0], windows)
    terms = module.loss_terms(scores, regions, torch.zeros(1, base.mel.bins, base.mel_window))
    assert set(terms) == set(weighed.train_tsg.loss_weights)


def test_the_segmenter_may_hear_features(weighed: Params, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 24, "conv_kernel": [10]}')
    features = weighed.train_tsg.features.model_copy(update={"kind": "hubert", "weights": str(tmp_path)})
    params = weighed.model_copy(update={"train_tsg": weighed.train_tsg.model_copy(update={"features": features})})
    base, module = params.base, tsg_module(params, expert_net("mask", params))
    assert type(module.net) is FeatureSegmenter
    regions = torch.zeros(1, base.window_frames, base.mouth_box.height, base.mouth_box.width, dtype=torch.uint8)
    windows = torch.randn(1, base.window_frames, 24, params.train_tsg.net.mel_window)
    scores = module.predict(regions, regions[:, 0], windows)
    terms = module.loss_terms(scores, regions, torch.zeros(1, base.mel.bins, base.mel_window))
    weighted_sum(terms, module.loss_weights).backward()
    assert all(weight.grad is not None for weight in module.net.audio.parameters())

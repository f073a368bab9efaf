"""A talking segmenter that hears features of a speech model instead of a spectrogram.

Features of the HuBERT family (arXiv 2106.07447) know of sounds what a spectrogram does not; SegTalker (2409.03605)
drives its segmenter by AV-HuBERT's. Their rows have no order, so the tower convolves over time alone.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from segtalker.nets.tsg import TalkingSegmenter


class FeatureEncoder(nn.Module):
    """Windows of features to vectors: normalised, projected, two convolutions over time, one linear layer.

    Args:
        features: M, rows of a window.
        window: N, columns of a window.
        width: channels within.
        embedding: D, length of the vector.
    """

    def __init__(self, features: int, window: int, width: int, embedding: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.layers = nn.Sequential(
            nn.Conv1d(features, width, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv1d(width, width, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(width * ((window + 1) // 2), embedding),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Maps `(B, M, N)`, float32, to `(B, D)`."""
        return self.layers(self.norm(features.transpose(1, 2)).transpose(1, 2))


class FeatureSegmenter(TalkingSegmenter):
    """The same network with another ear.

    Args:
        audio_channels: the last is the width within the speech encoder.
        config: see `TalkingSegmenter`; `mel_bins` are the features' rows, `mel_window` columns of them.
    """

    kind = "feature_tsg"

    def __init__(self, *, audio_channels: Sequence[int], **config: Any) -> None:
        super().__init__(audio_channels=audio_channels[-1:], **config)
        width, embedding = audio_channels[-1], config["speech"]
        self.audio = FeatureEncoder(config["mel_bins"], config["mel_window"], width, embedding)  # type: ignore[assignment]


SEGMENTERS = (TalkingSegmenter, FeatureSegmenter)

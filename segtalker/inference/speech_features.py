"""Features of speech by an encoder of the HuBERT family (HuBERT, wav2vec 2.0, WavLM), read from a local folder.

They come at 50 a second; they are laid onto the columns of the log-mel spectrogram, so that whoever reads windows of
speech by columns may read either. Needs the package `transformers`, which is imported when an encoder is opened.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segtalker.clips.store import Clip, input_sha256, write_array
from segtalker.config.base import Clock
from segtalker.config.training import SpeechFeatures
from segtalker.nets.pretrained import cache_folder
from segtalker.utils.errors import BadInputError, one_line
from segtalker.utils.hashing import folder_sha256
from segtalker.utils.paths import expand_path

KEY = "train_tsg.features.weights"
_RATE_HZ = 16000  # all of them were trained at
_MASK_KEY = "masked_spec_embed"
_PIECE_S, _MARGIN_S = 16, 1  # attention takes the square of a piece's length


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no names")
        return content
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{path}: cannot be read ({one_line(error)}); {KEY} must name a folder as transformers saves encoders"
        ) from error


def feature_rows(folder: Path) -> int:
    """D, how many numbers describe a moment, as the folder's `config.json` says.

    Raises:
        BadInputError: it is none of an encoder.
    """
    content = _read_json(folder / "config.json")
    for name, kind in (("hidden_size", int), ("conv_kernel", list)):
        if not isinstance(content.get(name), kind):
            raise BadInputError(f"{folder / 'config.json'}: names no {name}; {KEY} must name an encoder as HuBERT is")
    return int(content["hidden_size"])


class SpeechEncoder:
    """An encoder on a device.

    Args:
        folder: `config.json` and weights as transformers saves them; where `preprocessor_config.json` says
            `do_normalize: false`, sound goes in as it is, else with mean 0 and deviation 1.
        clock: of frames and speech.
        device: where it runs.

    Raises:
        BadInputError: the folder holds no such encoder, or the sound has another rate than it was trained at.
    """

    def __init__(self, folder: Path, clock: Clock, device: torch.device) -> None:
        self.rows = feature_rows(folder)
        if clock.sample_rate_hz != _RATE_HZ:
            raise BadInputError(f"train_tsg.features.kind hubert: base.sample_rate_hz must be {_RATE_HZ}")
        from transformers import AutoModel, logging  # seconds, which only they pay who use it

        logging.disable_progress_bar()
        try:
            # weights alone: never code of the folder; in float32 even where the file has less
            self.net, loaded = AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
            )
        except Exception as error:  # of many kinds, from several packages
            raise BadInputError(f"{folder}: no encoder transformers can open ({one_line(error)})") from error
        # those that are missing are drawn at random, anew each time; that of training's gaps is not used here
        if missing := sorted(set(loaded["missing_keys"]) - {_MASK_KEY}):
            raise BadInputError(f"{folder}: its weights lack {missing[0]}; {KEY} must name a whole encoder")
        self.net.requires_grad_(False).eval().to(device)
        preprocessor = folder / "preprocessor_config.json"
        self.normalises = not preprocessor.is_file() or _read_json(preprocessor).get("do_normalize", True)
        self.sha256, self.clock, self.device = folder_sha256(folder), clock, device
        kernels, strides = self.net.config.conv_kernel, self.net.config.conv_stride
        self.stride, self.field = int(np.prod(strides)), 1
        for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
            self.field = (self.field - 1) * stride + kernel

    @torch.inference_mode()
    def _features(self, samples: np.ndarray) -> np.ndarray:
        """Of one piece, `(n, D)`."""
        sound = torch.from_numpy(samples).to(self.device)
        if self.normalises:
            sound = (sound - sound.mean()) / (sound.var(unbiased=False) + 1e-7).sqrt()
        return self.net(sound[None]).last_hidden_state[0].float().cpu().numpy()

    def __call__(self, samples: np.ndarray, columns: int) -> np.ndarray:
        """Features of speech on the columns of its spectrogram.

        Args:
            samples: `(S,)`, float32 in [-1, 1], at `base.sample_rate_hz`.
            columns: N, of the spectrogram.

        Returns:
            `(D, N)`, float32. It is made piece by piece: memory for the encoder does not grow with its length.
        """
        samples = np.pad(samples, (0, max(0, self.field - len(samples))))
        piece, margin = _PIECE_S * _RATE_HZ // self.stride, _MARGIN_S * _RATE_HZ // self.stride
        count = (len(samples) - self.field) // self.stride + 1
        parts = []
        for first in range(0, count, piece):
            low, last = max(0, first - margin), min(count, first + piece)
            high = min(count, last + margin)
            end = len(samples) if high == count else (high - 1) * self.stride + self.field
            own = samples[low * self.stride : end]
            parts.append(self._features(own)[first - low : last - low])
        features = np.concatenate(parts)
        # a feature stands for the middle of its field, a column for the middle of its window
        place = (np.arange(columns) * self.clock.mel_hop - self.field / 2) / self.stride
        place = place.clip(0, count - 1)
        below = np.floor(place).astype(int).clip(max=max(0, count - 2))
        above, share = np.minimum(below + 1, count - 1), (place - below)[:, None].astype(np.float32)
        return np.ascontiguousarray(((1 - share) * features[below] + share * features[above]).T)


def open_encoder(speech: SpeechFeatures, clock: Clock, device: torch.device) -> SpeechEncoder | None:
    """The encoder that the params name; None where the spectrogram is heard.

    Args:
        speech: `train_tsg.features`.
        clock: of frames and speech.
        device: where it runs.

    Raises:
        BadInputError: see `SpeechEncoder`.
    """
    return SpeechEncoder(expand_path(speech.weights, KEY), clock, device) if speech.kind == "hubert" else None


def cached_features(encoder: SpeechEncoder, clip: Clip) -> np.ndarray:
    """Features of a clip, `(D, N)`, float32, memory-mapped; what was made once is kept in the user's cache folder.

    Args:
        encoder: gives them.
        clip: whose sound.
    """
    content = f"{encoder.sha256} {input_sha256(clip.audio_path)} {encoder.clock.mel_hop}"
    path = cache_folder() / "speech" / f"{hashlib.sha256(content.encode()).hexdigest()}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_array(path, encoder(clip.audio, clip.mel.shape[1]))
    return np.load(path, mmap_mode="r")

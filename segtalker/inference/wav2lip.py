"""The baseline Wav2Lip at work: a clip's own frames with faces painted to speech, batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import extract_boxes, face_box_transforms, paste_faces
from segtalker.inference.talk_model import Face
from segtalker.media.mel import centred_starts, gather_columns
from segtalker.nets.checkpoints import load_net
from segtalker.nets.wav2lip import Wav2LipGenerator, net_input

WAV2LIP_FILE = "train_wav2lip/wav2lip.ckpt"


@dataclass(frozen=True)
class Wav2LipSettings:
    """How faces are cut out and laid back.

    Args:
        clock: of frames and speech.
        fade: see `segtalker.faces.mouth_box.paste_faces`.
        batch_size: frames painted at once.
    """

    clock: Clock
    fade: int
    batch_size: int


class Wav2LipTalker:
    """The trained network of an experiment.

    Args:
        net: the generator, in evaluation mode, on any device.
        settings: what it was trained for.
    """

    def __init__(self, net: Wav2LipGenerator, settings: Wav2LipSettings) -> None:
        self.net = net
        self.settings = settings

    @classmethod
    def load(cls, models: Path, settings: Wav2LipSettings, device: torch.device) -> "Wav2LipTalker":
        """Reads the network of an experiment.

        Args:
            models: `models/<experiment>`.
            settings: of the same experiment.
            device: where it runs.

        Raises:
            MissingWeightsError: it is not trained yet.
        """
        return cls(load_net(models / WAV2LIP_FILE, Wav2LipGenerator).to(device), settings)

    def render(self, face: Face, reference: int, mel: np.ndarray) -> Iterator[np.ndarray]:
        """The frames of a clip, its mouth saying what is heard.

        Args:
            face: gives everything but the lower half of the face.
            reference: number of the frame that gives the speaker's mouth.
            mel: log-mel spectrogram of the speech, `(M, N)`, float32.

        Yields:
            RGB, `(H, W, 3)`, uint8; memory does not grow with their number.
        """
        settings, size = self.settings, (self.net.size, self.net.size)
        transforms = face_box_transforms(np.asarray(face.landmarks), size, settings.clock.smooth_frames)
        reference_face = extract_boxes(face.frames.read([reference]), transforms[[reference]], size)
        for first in range(0, len(face.frames), settings.batch_size):
            part = np.arange(first, min(len(face.frames), first + settings.batch_size))
            frames = face.frames.read(part.tolist())
            columns = centred_starts(part, settings.clock, self.net.window[1])
            speech = gather_columns(mel, columns, self.net.window[1])
            faces = self._paint(extract_boxes(frames, transforms[part], size), reference_face, speech)
            yield from paste_faces(frames, faces, transforms[part], settings.fade)

    @torch.inference_mode()
    def _paint(self, faces: np.ndarray, reference: np.ndarray, speech: np.ndarray) -> torch.Tensor:
        """Faces `(T, S, S, 3)` uint8, their lower half unread, to painted ones, `(T, 3, S, S)` in [0, 1]."""
        device = next(self.net.parameters()).device
        upper, reference_face = (
            torch.from_numpy(image).to(device).movedim(-1, 1).float() / 255.0 for image in (faces, reference)
        )
        return self.net(net_input(upper, reference_face.expand_as(upper)), torch.from_numpy(speech).to(device))

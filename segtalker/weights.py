"""Pretrained files this project can use; none is part of it or fetched without being asked for.

A file is looked for where a param says (the file, or a folder that holds it), else in the cache:
`SEGTALKER_WEIGHTS`, or `segtalker/weights` in the user's cache folder. What the cache holds is checked by its hash; a
file that a param names is trusted.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from segtalker.errors import MissingWeightsError
from segtalker.paths import expand_path


@dataclass(frozen=True)
class Weights:
    """A published file.

    Args:
        file: its name.
        url: where its authors offer it.
        sha256: its hash, or the first digits of it where only those are published, or empty.
        licence: its terms.
    """

    file: str
    url: str
    sha256: str
    licence: str


WEIGHTS = {
    "mediapipe_face_landmarker": Weights(
        file="face_landmarker.task",
        url="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
        "face_landmarker.task",
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        licence="Apache-2.0",
    ),
    "face_alignment_s3fd": Weights(
        file="s3fd-619a316812.pth",
        url="https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
        sha256="619a316812",
        licence="BSD-3-Clause",
    ),
    "face_alignment_2dfan4": Weights(
        file="2DFAN4-11f355bf06.pth.tar",
        url="https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",
        sha256="11f355bf06",
        licence="BSD-3-Clause",
    ),
    "bisenet_face_parsing": Weights(
        file="79999_iter.pth",
        url="https://drive.google.com/uc?id=154JgKpzCPW82qINcVieuPH3fZ2e0P812",
        sha256="",
        licence="MIT code; trained on CelebAMask-HQ, non-commercial",
    ),
}

# of metrics, which use a file only where a param names it: what lies in a cache must not change a table
METRIC_WEIGHTS = {
    "lpips_trunk": Weights(
        file="alexnet-owt-7be5be79.pth",
        url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        sha256="7be5be79",
        licence="BSD-3-Clause",
    ),
    "lpips_heads": Weights(
        file="alex.pth",
        url="https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/alex.pth",
        sha256="",
        licence="BSD-2-Clause",
    ),
    "fid_inception": Weights(
        file="pt_inception-2015-12-05-6726825d.pth",
        url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
        sha256="6726825d",
        licence="Apache-2.0",
    ),
    "syncnet": Weights(
        file="syncnet_v2.model",
        url="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
        sha256="",
        licence="none stated",
    ),
    "mobilefacenet": Weights(
        file="068.ckpt",
        url="https://github.com/Xiaoccer/MobileFaceNet_Pytorch/raw/master/model/best/068.ckpt",
        sha256="",
        licence="none stated",
    ),
}


def cache_folder() -> Path:
    """Where fetched files are kept."""
    if folder := os.environ.get("SEGTALKER_WEIGHTS"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "segtalker" / "weights"


def resolve_weights(name: str, path: str, key: str) -> Path:
    """Finds a pretrained file.

    Args:
        name: a key of `WEIGHTS`.
        path: the file, or a folder that holds it, as a param gives it; empty to look in the cache.
        key: the param, for the message.

    Raises:
        MissingWeightsError: not there or not the published file; says what to fetch and where to put it.
    """
    weights = WEIGHTS[name]
    place = expand_path(path, key) if path else cache_folder()
    file = place / weights.file if place.is_dir() or not path else place
    if not path and file.is_file() and not _sha256(file).startswith(weights.sha256):
        raise MissingWeightsError(f"{file}: damaged or another file (its sha256 differs); fetch {weights.url} again")
    if not file.is_file():
        raise MissingWeightsError(
            f"{file}: missing; fetch {weights.url} ({weights.licence}) and put it into {cache_folder()},"
            f" or say where it is by {key}"
        )
    return file


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()

"""Pretrained files this project can use; none is part of it or fetched without being asked for.

A file is looked for where a param says (the file, or a folder that holds it), else in the cache:
`SEGTALKER_WEIGHTS`, or `segtalker/weights` in the user's cache folder. What the cache holds is checked by its hash; a
file that a param names is trusted. `segtalker weights fetch NAME` puts a file into the cache.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from segtalker.utils.errors import BadInputError, MissingWeightsError
from segtalker.utils.hashing import file_sha256
from segtalker.utils.paths import expand_path

State = Literal["here", "unchecked", "damaged", "missing"]
_RETRIES = 5  # a file of 100 MB over a weak line
_BY_HAND = ("drive.google.com",)  # these ask a person before they give a file


@dataclass(frozen=True)
class Weights:
    """A published file.

    Args:
        file: its name.
        url: where its authors offer it.
        sha256: its hash, or the first digits of it where only those are published, or empty.
        licence: its terms.
        key: the param that names it; those of `WEIGHTS` are also looked for in the cache.
    """

    file: str
    url: str
    sha256: str
    licence: str
    key: str

    @property
    def by_hand(self) -> bool:
        """Whether only a person can fetch it."""
        return urlsplit(self.url).hostname in _BY_HAND


WEIGHTS = {
    "mediapipe_face_landmarker": Weights(
        file="face_landmarker.task",
        url="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
        "face_landmarker.task",
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        licence="Apache-2.0",
        key="crop.weights",
    ),
    "face_alignment_s3fd": Weights(
        file="s3fd-619a316812.pth",
        url="https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
        sha256="619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
        licence="BSD-3-Clause",
        key="crop.weights",
    ),
    "face_alignment_2dfan4": Weights(
        file="2DFAN4-11f355bf06.pth.tar",
        url="https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",
        sha256="11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
        licence="BSD-3-Clause",
        key="crop.weights",
    ),
    "bisenet_face_parsing": Weights(
        file="79999_iter.pth",
        url="https://drive.google.com/uc?id=154JgKpzCPW82qINcVieuPH3fZ2e0P812",
        sha256="468e13ca13a9b43cc0881a9f99083a430e9c0a38abd935431d1c28ee94b26567",
        licence="MIT code; trained on CelebAMask-HQ, non-commercial",
        key="parse.weights",
    ),
}

# of metrics, which use a file only where a param names it: what lies in a cache must not change a table
METRIC_WEIGHTS = {
    "lpips_trunk": Weights(
        file="alexnet-owt-7be5be79.pth",
        url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        licence="BSD-3-Clause",
        key="evaluate.lpips_weights",
    ),
    "lpips_heads": Weights(
        file="alex.pth",
        url="https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/alex.pth",
        sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
        licence="BSD-2-Clause",
        key="evaluate.lpips_heads",
    ),
    "fid_inception": Weights(
        file="pt_inception-2015-12-05-6726825d.pth",
        url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        licence="Apache-2.0",
        key="evaluate.fid_weights",
    ),
    "syncnet": Weights(
        file="syncnet_v2.model",
        url="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
        sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
        licence="MIT code; none stated for the file",
        key="evaluate.syncnet_weights",
    ),
    "mobilefacenet": Weights(
        file="068.ckpt",
        url="https://github.com/Xiaoccer/MobileFaceNet_Pytorch/raw/master/model/best/068.ckpt",
        sha256="e839247cdbdfc023fb7cadeaf53a4549d50c8fc24ad154c02e35920ea8910d99",
        licence="none stated",
        key="evaluate.identity_weights",
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
        name: a key of `known_weights`.
        path: the file, or a folder that holds it, as a param gives it; empty, for one of `WEIGHTS`, to look in the
            cache.
        key: the param, for the message.

    Raises:
        MissingWeightsError: not there or not the published file; says what to fetch and where to put it.
    """
    weights = known_weights()[name]
    place = expand_path(path, key) if path else cache_folder()
    file = place / weights.file if place.is_dir() or not path else place
    command = f"segtalker weights fetch {name}"
    if not path and weights_state(name) == "damaged":
        raise MissingWeightsError(f"{file}: damaged or another file (its sha256 differs); to fetch it again: {command}")
    if not file.is_file():
        cache_hint = f"put it into {cache_folder()}, or " if name in WEIGHTS else ""
        raise MissingWeightsError(
            f"{file}: missing; fetch {weights.url} ({weights.licence}) and {cache_hint}say where it is by {key};"
            f" to fetch it: {command}"
        )
    return file


def known_weights() -> dict[str, Weights]:
    """All published files by name, those of metrics last."""
    return WEIGHTS | METRIC_WEIGHTS


def weights_state(name: str) -> State:
    """What the cache holds of a file: `unchecked` where it is there and its hash is not published.

    Args:
        name: a key of `known_weights`.
    """
    weights = known_weights()[name]
    file = cache_folder() / weights.file
    if not file.is_file():
        return "missing"
    if not weights.sha256:
        return "unchecked"
    return "here" if file_sha256(file).startswith(weights.sha256) else "damaged"


def verify_weights() -> dict[str, State]:
    """The state of every file; reads those that are there."""
    return {name: weights_state(name) for name in known_weights()}


def fetch_weights(name: str) -> Path:
    """Fetches a file into the cache; one that is there and right is left alone, a damaged one replaced.

    Args:
        name: a key of `known_weights`.

    Returns:
        Where it is.

    Raises:
        BadInputError: no such name, the file cannot be had, what came is not it, or only a person can fetch it.
    """
    weights_by_name = known_weights()
    if name not in weights_by_name:
        raise BadInputError(f"weights {name}: not known; there are: {', '.join(weights_by_name)}")
    weights, file = weights_by_name[name], cache_folder() / weights_by_name[name].file
    state = weights_state(name)
    if weights.by_hand and state in ("missing", "damaged"):
        what = f"{file} is damaged or another file; " if state == "damaged" else ""
        raise BadInputError(f"weights {name}: {what}open {weights.url} in a browser and save the file as {file}")
    if state == "damaged":
        file.unlink()
    from segtalker.utils.download import fetch_file  # its packages are not needed by who only reads weights

    fetch_file(weights.url, file, weights.sha256, _RETRIES, weights.file)
    _refuse_page(file, weights)
    return file


def _refuse_page(file: Path, weights: Weights) -> None:
    """A web page in place of the file would pass where its hash is not known."""
    with file.open("rb") as content:
        start = content.read(64).lstrip()
    if start.startswith(b"<"):
        file.unlink()
        raise BadInputError(f"{weights.url}: a web page came in place of {weights.file}; save the file as {file}")

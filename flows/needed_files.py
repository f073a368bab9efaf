"""Files from outside that an experiment needs: all of them are looked for before anything starts.

`needs` is the one list of them. Stages look again when they begin, for a file may go meanwhile.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from segtalker.config.data import SYNTHETIC
from segtalker.config.params import Params
from segtalker.config.stages import Stage
from segtalker.datasets.mead_layout import PAGE as MEAD_PAGE
from segtalker.nets.pretrained import METRIC_WEIGHTS, WEIGHTS, resolve_weights
from segtalker.utils.errors import BadInputError, SegTalkerError, one_line
from segtalker.utils.paths import expand_path

_DETECTORS = {
    "mediapipe": ("mediapipe_face_landmarker",),
    "face_alignment": ("face_alignment_s3fd", "face_alignment_2dfan4"),
}


@dataclass(frozen=True)
class Need:
    """A file or folder that the params ask for.

    Args:
        stages: that read it.
        key: the param that names it.
        path: what that says; empty for published weights in the cache.
        what: it is.
        without: what works without it.
        weights: name, where it is one of `segtalker.nets.pretrained.known_weights`, else empty.
        is_folder: whether it is a folder.
    """

    stages: tuple[Stage, ...]
    key: str
    path: str
    what: str
    without: str
    weights: str = ""
    is_folder: bool = False


def needs(params: Params) -> list[Need]:
    """All that the params ask for, in the order of the stages."""
    return [
        *_recordings(params),
        *_detector(params),
        *_gate(params),
        *_masks(params),
        *_speech(params),
        *_renderer(params),
        *_metrics(params),
    ]


def _recordings(params: Params) -> list[Need]:
    sources = params.download.sources
    stages: tuple[Stage, ...] = ("download",)
    folder, hdtf, mead = params.download.folder, params.download.hdtf, params.download.mead
    others = "other download.sources"
    wanted = []
    if "folder" in sources:
        wanted.append(Need(stages, "download.folder.root", folder.root, "your videos", others, is_folder=True))
    if "hdtf" in sources and hdtf.clips:
        without = "lists and videos are fetched (leave it empty)"
        wanted.append(Need(stages, "download.hdtf.clips", hdtf.clips, "clips of HDTF", without, is_folder=True))
    if "hdtf" in sources and hdtf.cookies:
        without = "videos that ask for no account (leave it empty)"
        wanted.append(Need(stages, "download.hdtf.cookies", hdtf.cookies, "cookies of a browser", without))
    if "mead" in sources:
        what = f"folders or archives of MEAD's actors, from {MEAD_PAGE}"
        wanted.append(Need(stages, "download.mead.root", mead.root, what, others, is_folder=True))
    return wanted


def _detector(params: Params) -> list[Need]:
    crop, stages = params.crop, ("cut", "crop") if params.cut.mode == "talking" else ("crop",)
    without = "crop.detector face_alignment" if crop.detector == "mediapipe" else "crop.detector mediapipe"
    return [
        Need(stages, "crop.weights", crop.weights, "the face detector", without, name)  # type: ignore[arg-type]
        for name in _DETECTORS.get(crop.detector, ())
    ]


def _gate(params: Params) -> list[Need]:
    gate, download = params.gate, params.download
    by_face = "folder" in download.sources and download.folder.subject == "identity"
    wanted = []
    if gate.sync.expert != "none":
        without = "gate.sync.expert none: offsets of the sound are not measured"
        name = "syncnet" if gate.sync.expert == "syncnet" else ""
        wanted.append(Need(("gate",), "gate.sync.weights", gate.sync.weights, "the sync expert", without, name))
    if by_face or (gate.identity_weights and download.sources != (SYNTHETIC,)):
        without = "download.folder.subject file or folder" if by_face else "faces are not compared (leave it empty)"
        key, path = "gate.identity_weights", gate.identity_weights
        wanted.append(Need(("gate",), key, path, "who looks like whom", without, "mobilefacenet"))
    return wanted


def _masks(params: Params) -> list[Need]:
    parser, backend, readers = params.train_parser, params.parse.backend, params.pairs_readers
    wanted = []
    if readers:
        what = "photographs with masks: images/ and labels/"
        without = "train_parser.labels none with parse.backend bisenet; train_sgi.data clips"
        path = params.training.pairs.root
        wanted.append(Need(readers, "training.pairs.root", path, what, without, is_folder=True))
    if parser.labels == "none" and (parser.weights or backend == "trained"):
        without = "parse.backend bisenet, or train_parser.labels pairs"
        stages: tuple[Stage, ...] = ("train_parser",) if parser.weights else ("parse",)
        wanted.append(Need(stages, "train_parser.weights", parser.weights, "a parser trained before", without))
    if backend == "bisenet":
        without = "parse.backend trained, with train_parser.labels pairs and training.pairs.root"
        key, path = "parse.weights", params.parse.weights
        wanted.append(Need(("parse",), key, path, "the face parser", without, "bisenet_face_parsing"))
    return wanted


def _speech(params: Params) -> list[Need]:
    path, key = params.train_tsg.features.weights, "train_tsg.features.weights"
    stages: tuple[Stage, ...] = ("train_tsg", "generate")
    without = "train_tsg.features.kind mel"
    return [Need(stages, key, path, "an encoder of speech", without, is_folder=True)] if path else []


def _renderer(params: Params) -> list[Need]:
    sgi = params.train_sgi
    stages: tuple[Stage, ...] = ("train_sgi",)
    wanted = []
    if sgi.generator.weights:
        without, key = "a generator that starts from nothing (leave it empty)", "train_sgi.generator.weights"
        wanted.append(Need(stages, key, sgi.generator.weights, "a trained StyleGAN2", without))
    if sgi.loss_weights["lpips"]:
        without = "train_sgi.loss_weights.lpips 0"
        files = {"lpips_trunk": ("lpips_weights", sgi.lpips_weights), "lpips_heads": ("lpips_heads", sgi.lpips_heads)}
        for name, (key, path) in files.items():
            wanted.append(Need(stages, f"train_sgi.{key}", path, "the renderer's LPIPS", without, name))
    return wanted


def _metrics(params: Params) -> list[Need]:
    names = {weights.key: (name,) for name, weights in METRIC_WEIGHTS.items()} | {
        "evaluate.mediapipe_weights": _DETECTORS["mediapipe"],
        "evaluate.fan_weights": _DETECTORS["face_alignment"],
    }
    without = "metrics that read it have no value (leave it empty)"
    paths = {key: getattr(params.evaluate, key.partition(".")[2]) for key in names}
    return [
        Need(("evaluate",), key, paths[key], "a metric", without, name)
        for key, key_names in names.items()
        if paths[key]
        for name in key_names
    ]


def _missing_masks(params: Params, stages: Collection[Stage]) -> list[str]:
    """A line for each stage that would ask recordings for masks: rendered people alone bring their own."""
    parser, sources = params.train_parser, params.download.sources
    filmed = [source for source in sources if source != SYNTHETIC]
    learnt = [source for source in filmed if not parser.datasets or source in parser.datasets]
    lines = []
    if "train_parser" in stages and parser.labels in ("clips", "both") and learnt:
        ways = "train_parser.labels pairs, or none with parse.backend bisenet; other datasets in train_parser.datasets"
        lines.append(f"train_parser, masks of {', '.join(learnt)}: recordings bring none; works without them: {ways}")
    if "evaluate" in stages and params.evaluate.reference_masks == "truth" and SYNTHETIC not in sources:
        ways = "evaluate.reference_masks parsed"
        lines.append(f"evaluate, masks of {', '.join(filmed)}: recordings bring none; works without them: {ways}")
    return lines


def missing_files(params: Params, stages: Collection[Stage], root: Path) -> list[str]:
    """What the stages need and is not there: a line each, with what it is, where to put it and what works without it.

    Masks that no source brings are among it.

    Args:
        params: of the experiment.
        stages: that are to run.
        root: the project folder, in which stages run.
    """
    lines = []
    for need in needs(params):
        if set(need.stages) & set(stages):
            try:
                _look_for(need, root)
            except SegTalkerError as error:
                lines.append(f"{need.stages[0]}, {need.what}: {one_line(error)}; works without it: {need.without}")
    return lines + _missing_masks(params, stages)


def _look_for(need: Need, root: Path) -> None:
    """Raises an error that says what to do where it is not there."""
    if need.weights in WEIGHTS and not need.path:  # the cache may have it
        resolve_weights(need.weights, "", need.key)
        return
    path = root / expand_path(need.path, need.key)
    if need.weights:
        resolve_weights(need.weights, str(path), need.key)
    elif not (path.is_dir() if need.is_folder else path.is_file()):
        raise BadInputError(f"{path}: no such {'folder' if need.is_folder else 'file'}; {need.key} must name one")


def refuse_missing_files(params: Params, stages: Collection[Stage], root: Path) -> None:
    """Says all that is missing at once; see `missing_files`.

    Raises:
        BadInputError: with a line for each file.
    """
    if lines := missing_files(params, stages, root):
        raise BadInputError("\n".join(lines))

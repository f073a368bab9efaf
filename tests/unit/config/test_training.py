"""A net's section goes straight into its constructor: the keys of the one are arguments of the other."""

import inspect
from pathlib import Path

import pytest

from segtalker.config.base import Section
from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, Params, load_params, merge, parse_params, read_yaml
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.nets.network import Network
from segtalker.nets.parser import FaceParser
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.nets.wav2lip import Wav2LipGenerator
from segtalker.tracking.provenance import signature
from segtalker.utils.errors import BadInputError

PARAMS = load_params(Path(__file__).parents[3])
# what a net takes from elsewhere: `base`, the regions, another net it works with
GIVEN = {
    "regions",
    "image_size",
    "mel_bins",
    "mel_window",
    "frames",
    "image_channels",
    "view",
    "standardise",
    "positive",
}
ROOT = Path(__file__).parents[3]


def _sections(params: Params) -> list[tuple[type[Network], list[Section]]]:
    sync, sgi = params.train_sync, params.train_sgi
    return [
        (FaceParser, [params.train_parser.net]),
        (SyncExpert, [sync.mask_expert.net]),
        (SyncExpert, [sync.image_expert.net]),
        (TalkingSegmenter, [params.train_tsg.net]),
        (MaskGuidedEncoder, [sgi.code, sgi.encoder]),
        (MaskGuidedGenerator, [sgi.code, sgi.generator]),
        (Wav2LipGenerator, [params.train_wav2lip.net]),
    ]


@pytest.mark.parametrize(("network", "sections"), _sections(PARAMS), ids=lambda value: getattr(value, "kind", ""))
def test_every_key_is_an_argument_and_every_argument_a_key(network: type[Network], sections: list[Section]) -> None:
    # a section of several kinds of nets says which keys are this one's
    keys = {key for section in sections for key in getattr(section, "net", type(section).model_fields)}
    arguments = set(inspect.signature(network.__init__).parameters) - {"self"}
    assert keys <= arguments
    assert arguments - keys <= GIVEN


@pytest.mark.parametrize(("network", "sections"), _sections(PARAMS), ids=lambda value: getattr(value, "kind", ""))
def test_arguments_go_by_name_and_have_no_default(network: type[Network], sections: list[Section]) -> None:
    parameters = list(inspect.signature(network.__init__).parameters.values())[1:]
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert {parameter.default for parameter in parameters} == {inspect.Parameter.empty}


def _changed(**sections: dict) -> Params:
    content = merge(read_yaml(ROOT / PARAMS_FILE), read_yaml(ROOT / EXPERIMENT_FILE))
    return parse_params(merge(content, sections), "test")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"generator": {"kind": "stylegan2"}}, "set code.texture to 0"),
        ({"generator": {"weights": "face.pt"}}, "need kind stylegan2"),
        ({"encoder": {"channels": {256: 8, 128: 8}}}, "train_sgi.encoder.channels end at 256"),
        ({"generator": {"channels": {96: 8}}}, r"must double"),
        ({"encoder": {"taps": [48]}}, r"taps \[48\]"),
        ({"code": {"texture": 12}}, "power of two"),
        ({"encoder": {"kind": "residual", "units": [1]}}, "units must name 2 levels"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(section: dict, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        _changed(train_sgi=section)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"training": {"processes": 3}, "machine": {"num_nodes": 2}},
            r"processes 3 cannot be spread evenly over",
        ),
        ({"training": {"cudnn_benchmark": True}}, r"cudnn_benchmark picks by the clock"),
        ({"training": {"precision": "bf16-true"}}, r"training\.precision: .*'32-true' or 'bf16-mixed'"),
        ({"training": {"accumulate": 0}}, r"training\.accumulate"),
        ({"machine": {"devices": 2}}, r"machine\.devices: is training\.processes, of all nodes together, now"),
    ],
)
def test_trainings_that_cannot_be_are_refused(sections: dict, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        _changed(**sections)


def test_style_gans_discriminator_wants_a_power_of_two() -> None:
    with pytest.raises(BadInputError, match=r"base\.image_size 192 must be a power of two"):
        _changed(base={"image_size": 192}, train_sgi={"discriminator": {"kind": "stylegan2"}})


@pytest.mark.parametrize("features", [{"kind": "hubert"}, {"weights": "hubert"}])
def test_an_encoder_of_speech_needs_its_folder(features: dict) -> None:
    with pytest.raises(BadInputError, match=r"train_tsg\.features: .*the folder of an encoder"):
        _changed(train_tsg={"features": features})


def test_what_an_encoder_holds_is_part_of_the_signature(tmp_path: Path) -> None:
    params = _changed(train_tsg={"features": {"kind": "hubert", "weights": str(tmp_path)}})
    (tmp_path / "config.json").write_text("{}")
    before = signature(params, "train_tsg", {})
    assert signature(params, "train_tsg", {}) == before
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert signature(params, "train_tsg", {}) != before


def test_how_many_learn_together_is_part_of_the_signature() -> None:
    names = {
        signature(_changed(training=changes), "train_tsg", {})
        for changes in ({}, {"processes": 2}, {"accumulate": 2}, {"gradient_clip": 1.0}, {"deterministic": False})
    }
    assert len(names) == 5

"""A net's section goes straight into its constructor: the keys of the one are arguments of the other."""

import inspect
from pathlib import Path

import pytest

from segtalker.config.base import Section
from segtalker.config.params import Params, load_params
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.nets.network import Network
from segtalker.nets.parser import FaceParser
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.nets.wav2lip import Wav2LipGenerator

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
    keys = {key for section in sections for key in type(section).model_fields}
    arguments = set(inspect.signature(network.__init__).parameters) - {"self"}
    assert keys <= arguments
    assert arguments - keys <= GIVEN


@pytest.mark.parametrize(("network", "sections"), _sections(PARAMS), ids=lambda value: getattr(value, "kind", ""))
def test_arguments_go_by_name_and_have_no_default(network: type[Network], sections: list[Section]) -> None:
    parameters = list(inspect.signature(network.__init__).parameters.values())[1:]
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert {parameter.default for parameter in parameters} == {inspect.Parameter.empty}

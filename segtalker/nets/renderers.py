"""The kinds of networks a renderer may be made of."""

from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import LayeredGenerator, MaskGuidedGenerator
from segtalker.nets.residual_encoder import ResidualEncoder

ENCODERS = (MaskGuidedEncoder, ResidualEncoder)
GENERATORS = (MaskGuidedGenerator, LayeredGenerator)

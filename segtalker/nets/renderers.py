"""The kinds of networks a renderer may be made of."""

from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import LayeredGenerator, MaskGuidedGenerator
from segtalker.nets.residual_encoder import ResidualEncoder
from segtalker.nets.stylegan2_generator import StyleGan2Generator

Generator = MaskGuidedGenerator | StyleGan2Generator
ENCODERS = (MaskGuidedEncoder, ResidualEncoder)
GENERATORS: tuple[type[Generator], ...] = (MaskGuidedGenerator, LayeredGenerator, StyleGan2Generator)

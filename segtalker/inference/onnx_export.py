"""The networks of an experiment for other runtimes, as ONNX files.

Four, each with any number of pictures or windows at once: `tsg` (mouth box, reference and speech to talking masks),
`encoder` (picture and mask to codes), `region_frames` (mask to where its regions lie) and `generator` (mask, codes and
frames to a picture). `networks.json` beside them says what goes in and comes out.
"""

import copy
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segtalker.inference.talk_model import GENERATOR_FILE, load_networks
from segtalker.inference.talk_settings import TalkSettings
from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.nets.region_convolution import RegionGrid, RegionModulatedConv, spread
from segtalker.nets.region_texture import region_frames
from segtalker.nets.tensors import best_regions, one_hot
from segtalker.regions import NUM_REGIONS, REGIONS
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError

TOLERANCE = 1e-3  # of what is written, in the units of its values
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_MASKS = ("masks", "pose", "identity")
_PATCH = 8  # px, side of the patches example masks are laid out in
_ONNX_UINT8 = 2  # `onnx.TensorProto.UINT8`
_CHECKED = 3  # pictures or windows a network is tried with, other than it was traced with


class DenseBorders(nn.Module):
    """`RegionModulatedConv` with exact borders, without looking for those: all pixels under a kernel by one style.

    What is looked for has another size in each picture, which runtimes are slow at or refuse. This takes nine times the
    memory of the features.

    Args:
        convolution: whose weights it takes.
    """

    def __init__(self, convolution: RegionModulatedConv) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, features: Tensor, styles: Tensor, grid: RegionGrid) -> Tensor:
        """See `RegionModulatedConv`; `grid` may hold shares of regions, the largest wins."""
        convolution, masks = self.convolution, grid.masks
        if masks.shape[1] > 1:
            masks = one_hot(best_regions(masks)).to(features.dtype)
        weight, (height, width) = convolution.weight, features.shape[2:]
        if weight.shape[2] == 1 or masks.shape[1] == 1:
            return convolution(features, styles, RegionGrid(masks))
        scale = convolution.scale(styles)
        around = nn.functional.unfold(features, weight.shape[2:], padding=1).unflatten(1, (features.shape[1], -1))
        scaled = around * spread(scale, masks).flatten(2)[:, :, None]
        result = (weight.flatten(1) @ scaled.flatten(1, 2)).unflatten(2, (height, width))
        if convolution.demodulate:
            norm = torch.rsqrt(scale.square() @ weight.square().sum((2, 3)).T + 1e-8)
            result = result * spread(norm, masks)
        return result + spread(convolution.shift(styles), masks)


class _RegionFrames(nn.Module):
    """Where regions lie, see `segtalker.nets.region_texture.region_frames`, in one tensor."""

    def __init__(self, hung_mouth: bool) -> None:
        super().__init__()
        self.hung_mouth = hung_mouth

    def forward(self, masks: Tensor) -> Tensor:
        return torch.cat(region_frames(masks, hung_mouth=self.hung_mouth), 2)


@dataclass(frozen=True)
class Port:
    """What goes into a network or comes out.

    Args:
        name: in the ONNX file.
        shape: `B` for any number.
        meaning: units and range; everything is float32.
    """

    name: str
    shape: tuple[str | int, ...]
    meaning: str


@dataclass(frozen=True)
class ExportedNetwork:
    """A network to be written.

    Args:
        name: of the file, without `.onnx`.
        net: as it is traced.
        original: as it was trained; what it gives is what the file has to give.
        inputs: with the meaning of each.
        output: likewise.
    """

    name: str
    net: nn.Module
    original: nn.Module
    inputs: tuple[Port, ...]
    output: Port


def check_packages() -> None:
    """Sees to it that ONNX is installed.

    Raises:
        BadInputError: it is not.
    """
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise BadInputError(f"{', '.join(missing)}: not installed; run `pip install 'segtalker[onnx]'`")


def export_networks(models: Path, settings: TalkSettings, folder: Path) -> Mapping[str, float]:
    """Writes the networks of an experiment, each tried in ONNX Runtime before it is kept.

    Args:
        models: `models/<experiment>`.
        settings: of the same experiment.
        folder: where to; made where it is not there.

    Returns:
        By file name, how far what it gives is from what the network gives, at most.

    Raises:
        MissingWeightsError: a network is not trained yet.
        BadInputError: ONNX is not installed, networks and settings do not fit, or a network cannot be written this way,
            or gives other values there.
    """
    check_packages()
    networks = _networks(models, settings)
    folder.mkdir(parents=True, exist_ok=True)
    differences = {}
    for network in networks:
        path = folder / f"{network.name}.onnx"
        with atomic_file(path) as temporary:
            _write(network, temporary)
            differences[path.name] = _difference(network, temporary)
            if not differences[path.name] <= TOLERANCE:
                raise BadInputError(
                    f"{path}: gives other values than the network, by {differences[path.name]:.1e}; not written"
                )
    description = {
        "regions": REGIONS,
        "frames_per_second": settings.clock.fps,
        "networks": {f"{network.name}.onnx": _description(network) for network in networks},
    }
    with atomic_file(folder / "networks.json") as temporary:
        temporary.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return differences


def _description(network: ExportedNetwork) -> dict[str, Any]:
    return {"inputs": [asdict(port) for port in network.inputs], "output": asdict(network.output)}


def _networks(models: Path, settings: TalkSettings) -> list[ExportedNetwork]:
    segmenter, encoder, generator = load_networks(models, settings)
    if not isinstance(generator, MaskGuidedGenerator):
        raise BadInputError(
            f"{models / GENERATOR_FILE}: {generator.kind} cannot be written as ONNX; mask_guided_generator can"
        )
    config, size, (height, width) = segmenter.config, settings.image_size, settings.box_size
    code, frames = generator.code, segmenter.frames
    masks = Port("masks", ("B", NUM_REGIONS, size, size), "one-hot regions, 0 or 1")
    codes = ("B", NUM_REGIONS, code)
    box = (NUM_REGIONS, height, width)
    frame_net = _RegionFrames(generator.hung_mouth)
    frame_port = Port("frames", ("B", NUM_REGIONS, 6), "centre, axis and half sides, in half images")
    hearing = "log-mel spectrogram" if settings.speech.kind == "mel" else f"features of {settings.speech.kind}"
    return [
        ExportedNetwork(
            "tsg", segmenter, segmenter,
            (
                Port("pose", ("B", frames, *box), "one-hot regions of the mouth box, all 0 where hidden"),
                Port("identity", ("B", *box), "one-hot regions of the reference's mouth box"),
                Port("mel", ("B", frames, config["mel_bins"], config["mel_window"]), f"{hearing} around each frame"),
            ),
            Port("scores", ("B", frames, *box), "scores of the regions, the largest wins"),
        ),
        ExportedNetwork(
            "encoder", encoder, encoder,
            (Port("image", ("B", 3, size, size), "RGB, -1 to 1"), masks),
            Port("codes", codes, "of each region"),
        ),
        ExportedNetwork("region_frames", frame_net, frame_net, (masks,), frame_port),
        ExportedNetwork(
            "generator", _dense(generator), generator,
            (masks, Port("codes", codes, "of each region"), frame_port),
            Port("image", ("B", 3, size, size), "RGB, about -1 to 1, not clipped"),
        ),
    ]  # fmt: skip


def _dense(generator: MaskGuidedGenerator) -> MaskGuidedGenerator:
    """A copy that gives the same by `DenseBorders`, where its borders are exact."""
    if not generator.exact_borders:
        return generator
    dense = copy.deepcopy(generator)
    dense.exact_borders = False
    for module in list(dense.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, RegionModulatedConv):
                setattr(module, name, DenseBorders(child))
    return dense


def _write(network: ExportedNetwork, path: Path) -> None:
    example = tuple(torch.from_numpy(value) for value in example_inputs(network.inputs, 2))
    batch = torch.export.Dim("B")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names of dimensions, and of what will change in the exporter
        program = torch.onnx.export(
            network.net.eval(),
            example,
            dynamo=True,
            input_names=[port.name for port in network.inputs],
            output_names=[network.output.name],
            dynamic_shapes=tuple({0: batch} for _ in example),
            custom_translation_table={torch.ops.aten.view.dtype: _bits},
            optimize=False,  # as long again as all the rest; runtimes do it as they load
            verbose=False,
        )
    assert program is not None
    program.save(str(path), external_data=False)


def _bits(values: Any, dtype: int) -> Any:
    """`Tensor.view(dtype)` of yes and no as 1 and 0, the only kind of it in these networks."""
    from onnxscript import opset20 as op  # an optional package

    return op.Cast(values, to=_ONNX_UINT8)


def _difference(network: ExportedNetwork, path: Path) -> float:
    """How far what ONNX Runtime gives is from what the network gives, at most."""
    import onnxruntime  # an optional package

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = example_inputs(network.inputs, _CHECKED)
    (output,) = session.run(None, {port.name: value for port, value in zip(network.inputs, inputs, strict=True)})
    with torch.inference_mode():
        expected = network.original(*(torch.from_numpy(value) for value in inputs)).numpy()
    return float(np.abs(output - expected).max()) if output.shape == expected.shape else float("inf")


def example_inputs(ports: tuple[Port, ...], count: int) -> list[np.ndarray]:
    """Inputs a network may get.

    Args:
        ports: of the network.
        count: pictures or windows.

    Returns:
        One for each port, float32, the same every time: masks with regions side by side, whatever else as noise.
    """
    draw = np.random.default_rng(0)
    arrays = []
    for port in ports:
        shape = (count, *(side for side in port.shape[1:] if isinstance(side, int)))
        if port.name in _MASKS:
            arrays.append(_example_masks(shape, draw))
        else:
            arrays.append(draw.uniform(0.2, 0.9, shape).astype(np.float32))
    return arrays


def _example_masks(shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """One-hot masks, `(..., K, H, W)`, of square patches, each of any region."""
    *many, regions, height, width = shape
    patches = draw.integers(regions, size=(*many, math.ceil(height / _PATCH), math.ceil(width / _PATCH)))
    labels = patches.repeat(_PATCH, axis=-2).repeat(_PATCH, axis=-1)[..., :height, :width]
    return (labels[..., None, :, :] == np.arange(regions)[:, None, None]).astype(np.float32)

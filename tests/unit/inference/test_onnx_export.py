"""Networks as ONNX files, run by ONNX Runtime."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_people import SETTINGS

from segtalker.clips.store import Clip
from segtalker.inference import onnx_export
from segtalker.inference.onnx_export import DenseBorders, export_networks
from segtalker.inference.talk_model import TalkModel, load_networks
from segtalker.inference.talk_settings import TalkSettings
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.generator import LayeredGenerator, MaskGuidedGenerator
from segtalker.nets.region_convolution import RegionModulatedConv, exact_grid
from segtalker.nets.tensors import one_hot, to_images
from segtalker.regions import NUM_REGIONS
from segtalker.utils.errors import BadInputError, MissingWeightsError

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.fixture(scope="module")
def exact_models(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks whose generator has exact borders, soft edges, a style for each layer, and shows all it adds."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(models, folder, dirs_exist_ok=True)
    path = folder / "train_sgi" / "generator.ckpt"
    config = load_net(path, MaskGuidedGenerator).config | {"exact_borders": True, "soft_edges": True}
    torch.manual_seed(0)
    generator = LayeredGenerator(**config)
    for parameter in generator.parameters():  # some begin at zero
        torch.nn.init.normal_(parameter, std=0.2)
    save_net(path, generator, "0" * 64)
    return folder


@pytest.fixture(scope="module")
def folder(exact_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    differences = export_networks(exact_models, SETTINGS, folder)
    assert set(differences) == {"tsg.onnx", "encoder.onnx", "region_frames.onnx", "generator.onnx"}
    assert max(differences.values()) < 1e-3
    return folder


def _run(folder: Path, name: str, **inputs: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    return session.run(None, {port: value.numpy() for port, value in inputs.items()})[0]


def test_a_picture_goes_through_the_files_as_through_the_networks(
    folder: Path, exact_models: Path, clips: list[Clip]
) -> None:
    talk_model = TalkModel.load(exact_models, SETTINGS, torch.device("cpu"))
    masks = one_hot(torch.from_numpy(clips[0].masks.read(range(5))))
    image = to_images(clips[0].frames.read(range(5)), torch.device("cpu"))
    codes = _run(folder, "encoder", image=image, masks=masks)
    frames = _run(folder, "region_frames", masks=masks)
    painted = _run(folder, "generator", masks=masks, codes=torch.from_numpy(codes), frames=torch.from_numpy(frames))
    with torch.inference_mode():
        expected_codes = talk_model.encoder(image, masks)
        expected = talk_model.generator(masks, expected_codes)
    np.testing.assert_allclose(codes, expected_codes.numpy(), atol=1e-3)
    np.testing.assert_allclose(painted, expected.numpy(), atol=1e-3)


def test_the_description_says_what_goes_in(folder: Path) -> None:
    description = json.loads((folder / "networks.json").read_text())
    assert len(description["regions"]) == NUM_REGIONS
    for name, network in description["networks"].items():
        session = onnxruntime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"])
        ports = [(port.name, port.shape[1:]) for port in session.get_inputs()]
        assert ports == [(port["name"], port["shape"][1:]) for port in network["inputs"]]
        assert isinstance(session.get_inputs()[0].shape[0], str)  # any number of pictures


def test_dense_borders_are_exact() -> None:
    torch.manual_seed(0)
    convolution = RegionModulatedConv(6, 5, 4, kernel=3, demodulate=True)
    shares = torch.rand(2, NUM_REGIONS, 8, 8)
    features, styles = torch.randn(2, 6, 8, 8), torch.randn(2, NUM_REGIONS, 4)
    grid = exact_grid(shares)
    with torch.inference_mode():
        expected = convolution(features, styles, grid)
        torch.testing.assert_close(
            DenseBorders(convolution)(features, styles, grid._replace(masks=shares, crossings=None)), expected
        )
        blended = convolution(features, styles, grid._replace(crossings=None))
    assert (blended - expected).abs().max() > 0.1


def test_other_values_are_noticed_and_nothing_is_kept(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shifted(path: Path, settings: TalkSettings) -> Any:
        segmenter, encoder, generator = load_networks(path, settings)
        torch.nn.init.ones_(segmenter.head.bias)
        return segmenter, encoder, generator

    networks = onnx_export._networks(models, SETTINGS)[:1]
    monkeypatch.setattr(onnx_export, "load_networks", shifted)
    others = onnx_export._networks(models, SETTINGS)[:1]
    monkeypatch.setattr(onnx_export, "_networks", lambda *_: [replace(networks[0], original=others[0].net)])
    with pytest.raises(BadInputError, match=r"tsg\.onnx: gives other values than the network, by [0-9.]+e"):
        export_networks(models, SETTINGS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_networks_of_another_size_are_named(models: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=f"trained at {SETTINGS.image_size} px, the params say 128"):
        export_networks(models, replace(SETTINGS, image_size=128), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_said(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingWeightsError, match="train_tsg"):
        export_networks(tmp_path, SETTINGS, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(BadInputError, match="onnxruntime: not installed; run `pip install 'segtalker"):
        export_networks(models, SETTINGS, tmp_path)


def test_a_renderer_that_cannot_be_written_is_named(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_another_renderer(path: Path, settings: TalkSettings) -> Any:
        segmenter, encoder, _ = load_networks(path, settings)
        other = torch.nn.Identity()
        other.kind = "stylegan2_generator"  # type: ignore[assignment]
        return segmenter, encoder, other

    monkeypatch.setattr(onnx_export, "load_networks", with_another_renderer)
    with pytest.raises(BadInputError, match=r"generator\.ckpt: stylegan2_generator cannot be written as ONNX"):
        export_networks(models, SETTINGS, tmp_path)

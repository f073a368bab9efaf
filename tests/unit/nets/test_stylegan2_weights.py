"""A generator that starts from a published file paints what the file's network paints."""

import argparse
from pathlib import Path

import pytest
import torch

from segtalker.nets.stylegan2_generator import StyleGan2Generator
from segtalker.nets.stylegan2_weights import mean_style, start_from_stylegan2
from segtalker.regions import NUM_REGIONS
from segtalker.utils.errors import BadInputError, MissingWeightsError

from .plain_stylegan2 import PlainStyleGan2, random_file

SIDE, STYLE = 32, 8
WIDTHS = {4: 12, 8: 12, 16: 8, 32: 4}


def make_stylegan2(*, per_layer: bool = True, exact_borders: bool = True, masked_up_to: int = 16) -> StyleGan2Generator:
    torch.manual_seed(0)
    return StyleGan2Generator(
        regions=NUM_REGIONS,
        image_size=SIDE,
        channel_base=128,
        channel_max=12,
        masked_up_to=masked_up_to,
        style=STYLE,
        per_layer=per_layer,
        mapping_layers=1,
        exact_borders=exact_borders,
    )


@pytest.fixture
def published(tmp_path: Path) -> Path:
    torch.save({"g_ema": random_file(SIDE, WIDTHS, STYLE), "latent_avg": torch.zeros(STYLE)}, tmp_path / "face.pt")
    return tmp_path / "face.pt"


@pytest.mark.parametrize("exact_borders", [True, False])
@pytest.mark.parametrize("masked_up_to", [2, 8, 32])
def test_with_one_region_it_is_the_published_network(published: Path, masked_up_to: int, exact_borders: bool) -> None:
    generator = make_stylegan2(masked_up_to=masked_up_to, exact_borders=exact_borders)
    start_from_stylegan2(generator, published)
    plain = PlainStyleGan2(random_file(SIDE, WIDTHS, STYLE), SIDE)
    styles = torch.randn(2, 1, generator.layers, STYLE)
    masks = torch.zeros(2, NUM_REGIONS, SIDE, SIDE)
    masks[:, 3] = 1.0
    with torch.no_grad():
        images = generator.paint(masks, styles.expand(-1, NUM_REGIONS, -1, -1), styles[..., :0])
    expected = torch.cat([plain.image(own[0]) for own in styles])
    assert expected.std() > 0.5
    torch.testing.assert_close(images, expected, rtol=1e-4, atol=1e-4)


def test_it_starts_at_the_mean_face(published: Path) -> None:
    tensors = random_file(SIDE, WIDTHS, STYLE)
    draws = torch.randn(4096, STYLE, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([PlainStyleGan2(tensors, SIDE).style(draw) for draw in draws]).mean(0)
    torch.testing.assert_close(mean_style(tensors, STYLE), expected, rtol=1e-4, atol=1e-4)
    for per_layer in (True, False):
        generator = make_stylegan2(per_layer=per_layer)
        start_from_stylegan2(generator, published)
        styles = generator.layer_styles(torch.randn(1, NUM_REGIONS, STYLE))
        torch.testing.assert_close(styles.detach(), expected.expand_as(styles), rtol=1e-4, atol=1e-4)


def test_a_file_of_a_larger_network_is_refused(tmp_path: Path) -> None:
    torch.save({"g_ema": random_file(2 * SIDE, WIDTHS | {2 * SIDE: WIDTHS[SIDE]}, STYLE)}, tmp_path / "large.pt")
    with pytest.raises(BadInputError, match=r"it holds to_rgbs\.\d+\.bias, so it is of a larger one"):
        start_from_stylegan2(make_stylegan2(), tmp_path / "large.pt")


def test_a_training_checkpoint_with_its_command_line_is_read(tmp_path: Path) -> None:
    content = {"g_ema": random_file(SIDE, WIDTHS, STYLE), "args": argparse.Namespace(size=SIDE)}
    torch.save(content, tmp_path / "training.pt")
    start_from_stylegan2(make_stylegan2(), tmp_path / "training.pt")


def _write(path: Path, **changes: torch.Tensor | None) -> Path:
    tensors = random_file(SIDE, WIDTHS, STYLE)
    for name, value in changes.items():
        tensors.pop(name)
        if value is not None:
            tensors[name] = value
    torch.save({"g_ema": tensors}, path)
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"convs.2.conv.weight": None}, r"convs\.2\.conv\.weight is missing, expected \(1, 8, 12, 3, 3\)"),
        ({"to_rgbs.1.bias": torch.zeros(3)}, r"to_rgbs\.1\.bias is \(3,\), expected \(1, 3, 1, 1\)"),
        ({"style.4.weight": torch.zeros(4, 4)}, r"style\.4\.weight is \(4, 4\), expected \(8, 8\)"),
    ],
)
def test_the_first_tensor_that_does_not_fit_is_named(tmp_path: Path, changes: dict, message: str) -> None:
    path = _write(tmp_path / "face.pt", **changes)
    with pytest.raises(BadInputError, match=message) as caught:
        start_from_stylegan2(make_stylegan2(), path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="no such file"):
        start_from_stylegan2(make_stylegan2(), tmp_path / "none.pt")
    (tmp_path / "rubbish.pt").write_bytes(b"not a file of weights")
    with pytest.raises(BadInputError, match="not a readable file of weights"):
        start_from_stylegan2(make_stylegan2(), tmp_path / "rubbish.pt")

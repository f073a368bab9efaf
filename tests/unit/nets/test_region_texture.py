"""Textures move, stretch and swap with their regions."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.nets.region_texture import gather_textures, paint, region_coordinates, region_frames, soften_edges
from segtalker.regions import MOUTH, NUM_REGIONS, REGION_INDEX

HAIR, EYES, SKIN = (REGION_INDEX[name] for name in ("hair", "eyes", "skin"))


def _scene(top: int, left: int, height: int, width: int) -> Tensor:
    """A box of hair on background: one-hot `(1, K, 64, 64)`."""
    labels = torch.zeros(1, 64, 64, dtype=torch.int64)
    labels[:, top : top + height, left : left + width] = HAIR
    return F.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()


def _ramp(masks: Tensor) -> Tensor:
    """Colours that are a plane over the hair box and black elsewhere."""
    rows, columns = masks[0, HAIR].nonzero().unbind(1)
    image = torch.zeros(1, 3, 64, 64)
    span = float(columns.max() - columns.min())
    image[0, 0, rows, columns] = (columns - columns.min()).float() / span - 0.5
    image[0, 1, rows, columns] = 0.3
    return image


def _frames(masks: Tensor, *, hung_mouth: bool = False) -> Tensor:
    return torch.cat(region_frames(masks, hung_mouth=hung_mouth), -1)


def _repaint(image: Tensor, source: Tensor, target: Tensor, *, hung_mouth: bool = False) -> Tensor:
    textures = gather_textures(image, source, 16, hung_mouth=hung_mouth)
    return paint(textures, *region_coordinates(target, _frames(target, hung_mouth=hung_mouth)))


def test_frames_of_a_box() -> None:
    centre, axis, extent = region_frames(_scene(top=16, left=8, height=32, width=16), hung_mouth=False)
    torch.testing.assert_close(centre[0, HAIR], torch.tensor([-0.5, 0.0]))
    assert extent[0, HAIR, 1] > 1.9 * extent[0, HAIR, 0] > 0
    assert torch.equal(centre[0, EYES], torch.zeros(2))
    assert torch.equal(axis[0], torch.tensor([[1.0, 0.0]]).expand(NUM_REGIONS, -1))


def test_the_frame_of_the_skin_stays_put_when_the_mouth_opens() -> None:
    closed = torch.zeros(1, 64, 64, dtype=torch.int64)
    closed[:, 8:56, 16:48] = SKIN
    closed[:, 40:44, 26:38] = REGION_INDEX["lip"]
    opened = closed.clone()
    opened[:, 44:50, 26:38] = REGION_INDEX["mouth"]
    frames = [_frames(F.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()) for labels in (closed, opened)]
    torch.testing.assert_close(frames[0][0, SKIN], frames[1][0, SKIN])


def _mouth(top: int, height: int) -> Tensor:
    """A face whose mouth is open by `height` from row `top` down: one-hot `(1, K, 64, 64)`."""
    labels = torch.zeros(1, 64, 64, dtype=torch.int64)
    labels[:, 4:60, 12:52] = SKIN
    labels[:, top : top + height, 24:40] = MOUTH
    return F.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()


def _teeth(masks: Tensor) -> Tensor:
    """Four bright rows at the top of the mouth, dark below."""
    rows = masks[0, MOUTH].any(1).nonzero()[:, 0]
    image = torch.full((1, 3, 64, 64), -1.0)
    image[:, :, rows[0] : rows[0] + 4] = 1.0
    return image


@pytest.mark.parametrize(("top", "height"), [(36, 8), (38, 12), (30, 16)])
def test_a_mouth_that_opens_uncovers_its_texture_and_stretches_no_teeth(top: int, height: int) -> None:
    source, target = _mouth(36, 14), _mouth(top, height)
    painted = _repaint(_teeth(source), source, target, hung_mouth=True)[0, 0, top : top + height, 26:38].mean(1)
    bright = (painted > 0).sum()
    assert abs(int(bright) - 4) <= 1
    assert (painted[:3] > 0.5).all()


def test_a_shut_mouth_has_no_frame() -> None:
    masks = _mouth(36, 8)
    masks[:, SKIN] += masks[:, MOUTH]
    masks[:, MOUTH] = 0
    centre, _, extent = region_frames(masks, hung_mouth=True)
    assert torch.equal(centre[0, MOUTH], torch.zeros(2))
    torch.testing.assert_close(extent[0, MOUTH], torch.full((2,), 2.0 / 64))


def test_painting_into_the_same_mask_gives_the_image_back() -> None:
    masks = _scene(10, 12, 30, 40)
    error = (_repaint(_ramp(masks), masks, masks) - _ramp(masks)).abs()
    assert error.mean() < 0.005
    assert error.max() < 0.12


def test_colours_follow_a_moved_and_stretched_region() -> None:
    source, target = _scene(10, 12, 20, 20), _scene(20, 20, 30, 40)
    error = (_repaint(_ramp(source), source, target) - _ramp(target)).abs()
    assert error.mean() < 0.01
    assert error.max() < 0.12


def test_no_colour_crosses_a_border() -> None:
    source = _scene(10, 12, 20, 20)
    image = _ramp(source) + 0.9 * (1 - source[:, HAIR : HAIR + 1])
    painted = _repaint(image, source, source)
    torch.testing.assert_close(painted[:, 2] > 0.5, source[:, HAIR] < 0.5)


def test_an_absent_region_is_black_and_finite() -> None:
    textures = gather_textures(torch.ones(1, 3, 64, 64), _scene(10, 12, 20, 20), 16, hung_mouth=False)
    assert torch.equal(textures[0, EYES], torch.zeros(3, 16, 16))
    assert torch.isfinite(textures).all()


def test_a_constant_region_stays_constant_at_any_shape() -> None:
    """Pull-push filling invents no colour, whatever the shape of the region."""
    torch.manual_seed(1)
    labels = torch.randint(0, NUM_REGIONS, (2, 64, 64))
    masks = F.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()
    colours = torch.rand(2, NUM_REGIONS, 3) * 2 - 1
    image = torch.einsum("bkhw,bkc->bchw", masks, colours)
    torch.testing.assert_close(_repaint(image, masks, masks), image)


def _face(angle_deg: float) -> tuple[Tensor, Tensor]:
    """A leaning face, one-hot `(1, K, 64, 64)`, whose colours are a plane in its own axes."""
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    u, v = cosine * x + sine * y, cosine * y - sine * x
    labels = torch.zeros(1, 64, 64, dtype=torch.int64)
    labels[0, (u.abs() < 16) & (v.abs() < 20)] = SKIN
    labels[0, ((u.abs() - 8).abs() < 4) & ((v + 8).abs() < 2)] = EYES
    image = torch.stack((u / 32, v / 32, 0 * u))[None]
    masks = F.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()
    return image * (1 - masks[:, :1]), masks


@pytest.mark.parametrize("angle_deg", [-25.0, 10.0, 30.0])
def test_textures_lean_with_the_head(angle_deg: float) -> None:
    image, upright = _face(0.0)
    expected, leaning = _face(angle_deg)
    cosine, sine = region_frames(leaning, hung_mouth=False).axis[0, SKIN]
    assert math.degrees(math.atan2(sine, cosine)) == pytest.approx(angle_deg, abs=2.0)
    error = (_repaint(image, upright, leaning) - expected).abs()
    assert error.mean() < 0.02


def test_a_face_without_eyes_stands_upright() -> None:
    _, masks = _face(30.0)
    masks[:, SKIN] += masks[:, EYES]
    masks[:, EYES] = 0
    assert torch.equal(region_frames(masks, hung_mouth=False).axis[0, SKIN], torch.tensor([1.0, 0.0]))


def test_soft_edges_mix_over_a_pixel_and_leave_the_rest() -> None:
    labels = torch.zeros(1, 9, 9, dtype=torch.int64)
    labels[:, :, 4:] = HAIR
    image = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(5))
    softened = soften_edges(image, labels)
    columns = (softened != image).any(1)[0].any(0)
    assert columns.tolist() == [False] * 3 + [True] * 2 + [False] * 4
    step = (labels > 0).float()[:, None].expand(-1, 3, -1, -1)
    torch.testing.assert_close(soften_edges(step, labels)[0, 0, 4, 2:6], torch.tensor([0.0, 0.25, 0.75, 1.0]))
    assert torch.equal(soften_edges(image, torch.zeros_like(labels)), image)

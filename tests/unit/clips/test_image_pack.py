"""A pack gives back the images it was given, in any order, from any process."""

import itertools
import os
import pickle
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as stacks

from benchmarks import clip_store
from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.media.video import open_video
from segtalker.regions import NUM_REGIONS
from segtalker.utils.errors import BadInputError


def _smooth(side: int) -> np.ndarray:
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    return np.stack([across, down, (across + down) // 2], axis=-1).astype(np.uint8)


def _textured(side: int) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)


def _grainy(side: int, deviation: float) -> np.ndarray:
    noisy = _smooth(side) + np.random.default_rng(1).normal(0, deviation, (side, side, 3))
    return noisy.round().clip(0, 255).astype(np.uint8)


FRAMES = {
    "smooth": _smooth(128),
    "textured": _textured(96),
    "a sensor's grain": _grainy(120, 3.0),
    "white noise": _grainy(64, 200.0),
    "sharp colours": np.random.default_rng(2).choice(np.array([0, 255], np.uint8), (64, 64, 3)),
}


def _psnr(images: np.ndarray, others: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(images.astype(float) - others).mean()))


def _repacked(source: Path, target: Path, comment: bytes = b"") -> Path:
    """The same images packed by another tool: deflated all, dated, in another order, with extra fields."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        new.comment = comment
        for name in reversed(old.namelist()):
            entry = zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6))
            entry.extra = b"UT" + bytes([5, 0, 1, 1, 2, 3, 4])
            new.writestr(entry, old.read(name), zipfile.ZIP_DEFLATED)
    return target


@settings(max_examples=60, deadline=None)
@given(
    masks=stacks(
        np.uint8,
        st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40)),
        elements=st.integers(0, NUM_REGIONS - 1),
    ),
    suffix=st.sampled_from([".pgm", ".png"]),
)
def test_masks_are_lossless(masks: np.ndarray, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "masks.zip"
        assert write_images(path, masks, suffix) == len(masks)
        assert np.array_equal(ImagePack(path).read(), masks)


def test_images_are_read_in_any_order(tmp_path: Path) -> None:
    masks = np.random.default_rng(1).integers(0, 12, (7, 33, 47)).astype(np.uint8)
    write_images(tmp_path / "masks.zip", masks, ".pgm")
    pack = ImagePack(tmp_path / "masks.zip")
    assert len(pack) == 7
    assert np.array_equal(pack.read([6, 0, 3, 3]), masks[[6, 0, 3, 3]])
    assert np.array_equal(np.stack(list(pack)), masks)
    assert np.array_equal(pickle.loads(pickle.dumps(pack)).read([2]), masks[[2]])


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_keep_42_db_whatever_is_in_them(tmp_path: Path, kind: str) -> None:
    frame = FRAMES[kind]
    write_images(tmp_path / "frames.zip", [frame, frame[::-1]], ".jpg")
    stored = ImagePack(tmp_path / "frames.zip").read()
    assert _psnr(stored[0], frame) >= 42
    assert _psnr(stored[1], frame[::-1]) >= 42


@pytest.mark.real
def test_real_frames_keep_42_db(tmp_path: Path) -> None:
    root = os.environ.get("SEGTALKER_REAL_DATA") or pytest.skip("SEGTALKER_REAL_DATA is not set")
    for path in sorted((Path(root) / "videos").glob("*/*[0-9nt].mp[4g]"))[:6]:
        frames = [frame.image for frame in itertools.islice(open_video(path, "pyav"), 0, 30, 10)]
        write_images(tmp_path / "frames.zip", frames, ".jpg")
        for frame, stored in zip(frames, ImagePack(tmp_path / "frames.zip"), strict=True):
            assert _psnr(stored, frame) >= 42, path.name


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_channels_stay_in_place(tmp_path: Path, suffix: str) -> None:
    frame = np.zeros((32, 32, 3), np.uint8)
    frame[...] = (200, 100, 50)
    write_images(tmp_path / "frames.zip", [frame], suffix)
    np.testing.assert_allclose(ImagePack(tmp_path / "frames.zip").read([0])[0].mean((0, 1)), (200, 100, 50), atol=1)


@pytest.mark.parametrize("suffix", [".jpg", ".pgm"])
def test_equal_images_give_equal_bytes(tmp_path: Path, suffix: str) -> None:
    images = [_textured(48), _grainy(48, 9.0)]
    for name in ("a.zip", "b.zip"):
        write_images(tmp_path / name, [image[..., 0] if suffix == ".pgm" else image for image in images], suffix)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_any_tool_opens_a_pack_and_any_pack_is_opened(tmp_path: Path) -> None:
    masks = np.random.default_rng(1).integers(0, 12, (5, 20, 30)).astype(np.uint8)
    write_images(tmp_path / "masks.zip", masks, ".pgm")
    with zipfile.ZipFile(tmp_path / "masks.zip") as pack:
        assert pack.testzip() is None
        (tmp_path / "third.pgm").write_bytes(pack.read("000003.pgm"))
    assert np.array_equal(cv2.imread(str(tmp_path / "third.pgm"), cv2.IMREAD_UNCHANGED), masks[3])
    for comment in (b"", b"packed again"):
        assert np.array_equal(ImagePack(_repacked(tmp_path / "masks.zip", tmp_path / "b.zip", comment)).read(), masks)


def test_packs_beyond_65535_images_are_read(tmp_path: Path) -> None:
    masks = np.arange(70_000, dtype=np.uint32) % 251
    write_images(tmp_path / "masks.zip", (np.full((1, 1), value, np.uint8) for value in masks), ".pgm")
    pack = ImagePack(tmp_path / "masks.zip")
    assert len(pack) == 70_000
    assert pack.read([69_999, 65_536, 0]).ravel().tolist() == [masks[69_999], masks[65_536], 0]


def test_any_number_of_packs_is_in_use_at_once(tmp_path: Path) -> None:
    write_images(tmp_path / "masks.zip", np.zeros((2, 4, 4), np.uint8), ".pgm")
    packs = [ImagePack(tmp_path / "masks.zip") for _ in range(50)]
    before = len(os.listdir("/proc/self/fd"))
    assert all(pack.read([1]).shape == (1, 4, 4) for pack in packs)
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def broken():
        yield np.zeros((8, 8), np.uint8)
        raise RuntimeError("disk gone")

    with pytest.raises(RuntimeError, match="disk gone"):
        write_images(tmp_path / "masks.zip", broken(), ".png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a zip", b"longer than the end of a zip, but none"])
def test_what_is_no_pack_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "frames.zip").write_bytes(content)
    with pytest.raises(BadInputError, match=r"frames\.zip: not a readable image pack.*run its stage again"):
        ImagePack(tmp_path / "frames.zip").read([0])


def test_nothing_can_be_packed(tmp_path: Path) -> None:
    assert write_images(tmp_path / "masks.zip", [], ".pgm") == 0
    assert len(ImagePack(tmp_path / "masks.zip")) == 0


@pytest.mark.parametrize("suffix", [".jpg", ".pgm", ".png"])
def test_damage_is_named_and_never_read(tmp_path: Path, suffix: str) -> None:
    image = _textured(32) if suffix == ".jpg" else _textured(32)[..., 0]
    path, rng = tmp_path / "pack.zip", np.random.default_rng(0)
    write_images(path, [image, image[::-1], image[:, ::-1]], suffix)
    whole, expected = path.read_bytes(), ImagePack(path).read()
    named = 0
    for place in {*rng.integers(0, len(whole), 200).tolist(), *range(len(whole) - 200, len(whole))}:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        with suppress(BadInputError):
            assert np.array_equal(ImagePack(path).read([0, 1, 2]), expected), place
            continue
        named += 1
    assert named > 200
    for length in rng.choice(len(whole), 50, replace=False):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInputError, match=r"pack\.zip: "):
            ImagePack(path).read([0, 1, 2])


def test_the_benchmark_runs_on_rendered_clips(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = ["--size", "64", "--clips", "1", "--frames", "8", "--samples", "2", "--turns", "1"]
    monkeypatch.setattr(sys, "argv", ["clip_store", *size])
    monkeypatch.delenv("SEGTALKER_REAL_DATA", raising=False)
    clip_store.main()
    cells = {
        row[1].strip(): row[2:] for line in capsys.readouterr().out.splitlines() if len(row := line.split("|")) > 3
    }
    assert float(cells["this store"][3]) <= 1
    assert float(cells["this store"][4]) >= 42
    assert cells["this store"][6].strip() == "lossless"
    assert cells["bytes, deflate 7"][2].strip() == "yes"

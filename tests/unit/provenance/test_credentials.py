"""Content credentials show who signed, and that nothing changed since."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from signing_keys import write_keys

from segtalker.media.images import read_image, write_png
from segtalker.media.video import open_video, write_video
from segtalker.provenance.credentials import SigningKey, read_credentials, read_signing_key, sign_file
from segtalker.provenance.origin import Origin
from segtalker.utils.errors import BadInputError


@pytest.fixture(scope="module")
def signed(
    tmp_path_factory: pytest.TempPathFactory, talk: np.ndarray, origin: Origin, signing_key: SigningKey
) -> dict[str, Path]:
    """A video and a picture, and the same signed."""
    folder = tmp_path_factory.mktemp("signed")
    write_video(folder / "plain.mp4", talk, 25, None, 16000, 20)
    write_png(folder / "plain.png", talk[0])
    for suffix in (".mp4", ".png"):
        shutil.copyfile(folder / f"plain{suffix}", folder / f"signed{suffix}")
        sign_file(folder / f"signed{suffix}", origin, signing_key)
    assert len(list(folder.iterdir())) == 4
    return {suffix: folder / f"signed{suffix}" for suffix in (".mp4", ".png")}


@pytest.mark.parametrize("suffix", [".mp4", ".png"])
def test_signed_files_are_valid(suffix: str, signed: dict[str, Path]) -> None:
    read = read_credentials(signed[suffix])
    assert read is not None
    assert (read.state, read.signer, read.source) == ("Valid", "signer, A Test", "trainedAlgorithmicMedia")
    assert read.tool.startswith("SegTalker ")
    assert read.faults == ()
    assert read_credentials(signed[suffix].with_name(f"plain{suffix}")) is None


def test_pictures_stay_what_they_were(signed: dict[str, Path], talk: np.ndarray) -> None:
    assert (read_image(signed[".png"]) == talk[0]).all()
    plain, same = (
        [frame.image for frame in open_video(signed[".mp4"].with_name(f"{name}.mp4"), "pyav")]
        for name in ("plain", "signed")
    )
    np.testing.assert_array_equal(plain, same)


@pytest.mark.parametrize("suffix", [".mp4", ".png"])
def test_a_change_is_seen(suffix: str, signed: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(signed[suffix].read_bytes())
    content[-200] ^= 0xFF
    (tmp_path / f"a{suffix}").write_bytes(content)
    read = read_credentials(tmp_path / f"a{suffix}")
    assert read is not None
    assert read.state == "Invalid"
    assert any("hash" in fault for fault in read.faults)


def test_what_holds_no_credentials_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    assert read_credentials(tmp_path / "a.txt") is None


def test_keys_that_cannot_sign_are_named(key_files: tuple[Path, Path], tmp_path: Path) -> None:
    key, certificate = key_files
    other_key, _ = write_keys(tmp_path)
    root = tmp_path / "root.pem"
    root.write_bytes(b"-----BEGIN" + certificate.read_bytes().split(b"-----BEGIN")[2])
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    locked, strange = tmp_path / "locked.pem", tmp_path / "strange.pem"
    secret = ec.generate_private_key(ec.SECP256R1())
    locked.write_bytes(secret.private_bytes(*form, serialization.BestAvailableEncryption(b"word")))
    strange.write_bytes(x25519.X25519PrivateKey.generate().private_bytes(*form, serialization.NoEncryption()))
    for pair, message in (
        ((tmp_path / "absent.pem", certificate), "absent.pem: cannot be read"),
        ((certificate, certificate), "certificate.pem: not a private key in PEM without a password"),
        ((locked, certificate), "locked.pem: not a private key in PEM without a password"),
        ((key, key), "key.pem: no certificates in PEM"),
        ((other_key, certificate), "its first certificate is of another key than key.pem"),
        ((key, root), "root.pem: its first certificate is of another key"),
        ((strange, certificate), "of another key"),
    ):
        with pytest.raises(BadInputError, match=message):
            read_signing_key(*pair)

"""Archives are unpacked whole or not at all, and nothing in them leads elsewhere."""

import bz2
import gzip
import io
import json
import lzma
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from segtalker.utils import archives
from segtalker.utils.archives import unpack
from segtalker.utils.errors import BadInputError

ALL = 10**6
CONTENT = {"M003/video/front/001.mp4": b"v" * 3000, "M003/audio/001.m4a": b"a" * 10, "M003/empty.txt": b""}


def tar_bytes(content: Mapping[str, bytes], *special: tarfile.TarInfo) -> bytes:
    """A tar of files, with members of other kinds behind them."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o4777
            archive.addfile(info, io.BytesIO(data))
        for info in special:
            archive.addfile(info)
    return file.getvalue()


def zip_bytes(content: Mapping[str, bytes], mode: int = 0) -> bytes:
    """A ZIP of files whose Unix mode may be set."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, mode << 16
            archive.writestr(info, data)
    return file.getvalue()


KINDS: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "zip": zip_bytes,
    "tar": tar_bytes,
    "tar.gz": lambda content: gzip.compress(tar_bytes(content)),
    "tar.bz2": lambda content: bz2.compress(tar_bytes(content)),
    "tar.xz": lambda content: lzma.compress(tar_bytes(content)),
}


def put(folder: Path, data: bytes, name: str = "archive") -> Path:
    """Writes an archive whose name says nothing."""
    (folder / name).write_bytes(data)
    return folder / name


def refused(archive: Path, what: str, max_bytes: int = ALL) -> str:
    """The one line with which an archive is refused; checks that nothing of it is left."""
    folder = archive.parent / "out"
    with pytest.raises(BadInputError, match=what) as caught:
        unpack(archive, folder, max_bytes, lambda _: True)
    message = str(caught.value)
    assert str(archive) in message
    assert "\n" not in message
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_packed_comes_out(kind: str, tmp_path: Path) -> None:
    archive = put(tmp_path, KINDS[kind](CONTENT))
    private = os.umask(0o077)
    try:
        files = unpack(archive, tmp_path / "out", ALL, lambda _: True)
    finally:
        os.umask(private)
    assert {file.relative_to(tmp_path / "out").as_posix(): file.read_bytes() for file in files} == CONTENT
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o644}
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o755


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_wanted_is_written_and_only_once(kind: str, tmp_path: Path) -> None:
    archive, out = put(tmp_path, KINDS[kind](CONTENT)), tmp_path / "out"
    video = [out / "M003/video/front/001.mp4"]
    assert unpack(archive, out, ALL, lambda name: name.endswith(".mp4")) == video
    assert [path for path in out.rglob("*") if path.is_file()] == video
    before = video[0].stat().st_ino
    assert unpack(archive, out, ALL, lambda name: name.endswith(".mp4")) == video
    assert video[0].stat().st_ino == before
    assert len(unpack(archive, out, ALL, lambda _: True)) == 3
    assert unpack(archive, out, ALL, lambda name: name.endswith(".mp4")) == video
    assert len([path for path in out.rglob("*") if path.is_file()]) == 3


def test_a_changed_archive_or_a_lost_file_is_unpacked_again(tmp_path: Path) -> None:
    archive, out = put(tmp_path, tar_bytes({"a": b"1", "b": b"2"})), tmp_path / "out"
    unpack(archive, out, ALL, lambda _: True)
    (out / "a").unlink()
    (out / "b").write_bytes(b"cut off")
    assert [file.read_bytes() for file in unpack(archive, out, ALL, lambda _: True)] == [b"1", b"2"]
    put(tmp_path, tar_bytes({"c": b"33"}))
    assert unpack(archive, out, ALL, lambda _: True) == [out / "c"]
    (tmp_path / "out.json").write_text(json.dumps({"archive": 1}))
    assert unpack(archive, out, ALL, lambda _: True) == [out / "c"]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".out-abc").mkdir()
    unpack(put(tmp_path, zip_bytes({"a": b"1"})), tmp_path / "out", ALL, lambda _: True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "out", "out.json"]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("/etc/passwd", "absolute"),
        ("../out", "leads out"),
        ("a/b/../../../c", "leads out"),
        ("a/./../b", "leads out"),
        ("..", "leads out"),
        ("C:/windows", "backslash or a colon"),
        ("a\\..\\..\\b", "backslash or a colon"),
        ("a:stream", "backslash or a colon"),
        ("a\nb", "control character"),
        ("x" * 256, "too long a name"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(kind: str, name: str, what: str, tmp_path: Path) -> None:
    message = refused(put(tmp_path, KINDS[kind]({"good": b"1", name: b"2"})), what)
    assert ascii(name) in message


def test_a_name_with_nul_is_refused(tmp_path: Path) -> None:
    data = zip_bytes({"good.mp4X.sh": b"1"}).replace(b"good.mp4X", b"good.mp4\0")
    refused(put(tmp_path, data), "control character")


def test_an_unwanted_member_is_refused_too(tmp_path: Path) -> None:
    archive = put(tmp_path, tar_bytes({"good": b"1", "../bad": b"2"}))
    with pytest.raises(BadInputError, match="leads out"):
        unpack(archive, tmp_path / "out", ALL, lambda name: name == "good")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("a", "A"), "twice"),
        (("Straße/1", "STRASSE/1"), "twice"),
        (("\u00e9", "e\u0301"), "twice"),
        (("a", "./a"), "twice"),
        (("a", "a/b"), "file and a folder"),
        (("a/b", "A"), "file and a folder"),
    ],
)
def test_members_that_meet_are_refused(kind: str, names: tuple[str, str], what: str, tmp_path: Path) -> None:
    refused(put(tmp_path, KINDS[kind](dict.fromkeys(names, b"1"))), what)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    refused(put(tmp_path, file.getvalue()), "twice")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.CHRTYPE, "neither a file nor a folder"),
        (tarfile.BLKTYPE, "neither a file nor a folder"),
        (tarfile.FIFOTYPE, "neither a file nor a folder"),
    ],
)
def test_links_and_devices_in_tar_are_refused(kind: bytes, what: str, tmp_path: Path) -> None:
    info = tarfile.TarInfo("bad")
    info.type, info.linkname = kind, "good"
    refused(put(tmp_path, tar_bytes({"good": b"1"}, info)), what)


@pytest.mark.parametrize(
    ("mode", "what"), [(stat.S_IFLNK | 0o777, "is a link"), (stat.S_IFIFO, "neither a file"), (stat.S_IFCHR, "neither")]
)
def test_links_and_devices_in_zip_are_refused(mode: int, what: str, tmp_path: Path) -> None:
    refused(put(tmp_path, zip_bytes({"bad": b"/etc/passwd"}, mode)), what)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_is_refused_by_what_it_declares(kind: str, tmp_path: Path) -> None:
    archive = put(tmp_path, KINDS[kind]({"a": bytes(600_000), "b": bytes(600_000)}))
    assert "'b' brings it to more than the" in refused(archive, "GiB that are allowed", max_bytes=10**6)


def zip_that_says(size: int, actual: int) -> bytes:
    """A ZIP of one file whose headers both declare another size than it has."""
    data = zip_bytes({"a": bytes(actual)})
    return data.replace(struct.pack("<I", actual), struct.pack("<I", size))


@pytest.mark.parametrize(("size", "actual"), [(10, 500_000), (500_000, 499_000)])
def test_a_zip_that_lies_about_sizes_is_refused(size: int, actual: int, tmp_path: Path) -> None:
    refused(put(tmp_path, zip_that_says(size, actual)), "damaged or not whole|holds 499000 of the 500000")


def test_more_than_declared_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a reader of archives ever give more than the archive declares."""
    archive = put(tmp_path, zip_bytes({"a": b"12345"}))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: io.BytesIO(bytes(10**7)))
    refused(archive, "holds more than the 5 bytes")


def test_what_the_disk_cannot_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 100})()
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: usage)
    refused(put(tmp_path, tar_bytes({"a": bytes(50), "b": bytes(101)})), "'b' has .* more than the disk has left")


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(archives, "_write", full)
    refused(put(tmp_path, tar_bytes({"a": b"1"})), r"cannot be unpacked into .* \(No space left")


def test_encrypted_zips_are_refused(tmp_path: Path) -> None:
    data = bytearray(zip_bytes({"a": b"1"}))
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(header) + flags] |= 1
    refused(put(tmp_path, bytes(data)), "is encrypted")


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MAX_MEMBERS", 3)
    refused(put(tmp_path, tar_bytes({str(number): b"" for number in range(4)})), "more than 3 members")


def test_sparse_files_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("holes")
    info.type = tarfile.GNUTYPE_SPARSE
    refused(put(tmp_path, tar_bytes({"good": b"1"}, info)), "sparse")


def test_a_header_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**33
    data = tar_bytes({"good": b"1"})[:1024] + info.tobuf(tarfile.GNU_FORMAT) + bytes(10240)
    refused(put(tmp_path, gzip.compress(data)), "a header of 8589934592 bytes")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_what_is_cut_off_is_refused(kind: str, share: float, tmp_path: Path) -> None:
    content = {str(number): os.urandom(3000) for number in range(8)}
    data = KINDS[kind](content)
    end = data.rstrip(b"\0") if kind == "tar" else data
    refused(put(tmp_path, data[: int(len(end) * share)]), r"damaged or not whole|declares")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_changed_bytes_are_found(kind: str, share: float, tmp_path: Path) -> None:
    data = bytearray(KINDS[kind]({"a": os.urandom(9000)}))
    data[int(len(data) * share)] ^= 0xFF
    refused(put(tmp_path, bytes(data)), "damaged or not whole")


def test_a_tar_damaged_between_members_is_refused(tmp_path: Path) -> None:
    """tarfile would take the damaged header for the end and say nothing."""
    data = bytearray(tar_bytes({"a": b"1", "b": b"2", "c": b"3"}))
    data[1024] ^= 0xFF
    refused(put(tmp_path, bytes(data)), "does not end as a tar does")


@pytest.mark.parametrize("data", [b"", b"<html>please log in</html>", b"PK\3\4", b"\x1f\x8b\x08\0", bytes(5000)[:7]])
def test_what_is_no_archive_is_said(data: bytes, tmp_path: Path) -> None:
    refused(put(tmp_path, data), "damaged or not whole")


def test_a_missing_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="No such file"):
        unpack(tmp_path / "none.tar", tmp_path / "out", ALL, lambda _: True)

"""Archives from the web, unpacked without trust in what they hold.

ZIP and tar, the latter plain or compressed by gzip, bzip2 or xz, told apart by their content. An archive is taken as a
whole or not at all: its members are written into a temporary folder that is renamed when all of them are there.
"""

import json
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from bz2 import BZ2File
from collections.abc import Callable, Iterator
from gzip import GzipFile
from lzma import LZMAError, LZMAFile
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from tqdm import tqdm

from segtalker.utils.atomic import atomic_folder, write_text
from segtalker.utils.errors import BadInputError
from segtalker.utils.progress import progress_bar

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_MAX_MEMBERS = 200_000
_MAX_NAME_BYTES = 255  # of one part of a path, in every usual file system
_MAX_HEADER = 2**20  # a longer header of tar would be read into memory as one
_MAX_PADDING = 2**26  # zeros behind the last member of a tar
_PIECE = 2**20
# what readers of archives raise; gzip and bz2 have an OSError without a number
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, RuntimeError, ValueError)
_GIB = 2**30


class _Refused(Exception):
    """A member that must not be unpacked, and why."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"{member!a} {reason}")


class _Member(NamedTuple):
    """What an archive says of one member.

    Args:
        name: as it stands there.
        size: declared bytes of content.
        folder: whether it is one.
        trouble: what else it is than a file or a folder, or empty.
        open: gives its content.
    """

    name: str
    size: int
    folder: bool
    trouble: str
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path, max_bytes: int, member_filter: Callable[[str], bool]) -> list[Path]:
    """Unpacks an archive once; another call finds it done, unless other members are wanted by then.

    Args:
        archive: ZIP or tar, the latter perhaps compressed.
        folder: where to; replaced as a whole. `<folder>.json` beside it says what it was made from.
        max_bytes: that all members together may have, wanted or not.
        member_filter: whether to write a member, by its normalised path in the archive.

    Returns:
        The files that are wanted, in order of their paths; mode 0644.

    Raises:
        BadInputError: not an archive, damaged, too large, for the disk as well, encrypted, or a member is a link or
            a device, leads out of the folder, stands there twice, or holds more than it says. Nothing is written.
    """
    marker = folder.with_name(f"{folder.name}.json")
    unpacked_files = _already(archive, folder, marker, member_filter)
    if unpacked_files is not None:
        return unpacked_files
    for left_behind in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    try:
        with atomic_folder(folder) as temporary:
            file_sizes, others = _extract(archive, temporary, max_bytes, member_filter)
    except _Refused as error:
        raise BadInputError(f"{archive}: {error}; nothing of it was unpacked") from error
    except (*_DAMAGED, OSError) as error:
        raise BadInputError(f"{archive}: {_what_failed(error, folder)}") from error
    write_text(marker, json.dumps(_state(archive) | {"files": file_sizes, "others": others}, indent=0))
    return [folder / name for name in sorted(file_sizes)]


def _what_failed(error: Exception, folder: Path) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be unpacked into {folder.parent} ({error.strerror})"
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"damaged or not whole ({reason}); fetch it again"


def _state(archive: Path) -> dict[str, Any]:
    facts = archive.stat()
    return {"archive": archive.name, "bytes": facts.st_size, "mtime_ns": facts.st_mtime_ns}


def _already(archive: Path, folder: Path, marker: Path, member_filter: Callable[[str], bool]) -> list[Path] | None:
    """The wanted files where they were unpacked before and are still there."""
    try:
        marker_content = json.loads(marker.read_text(encoding="utf-8"))
        complete = not any(member_filter(name) for name in marker_content["others"])
        same = complete and marker_content | _state(archive) == marker_content
        files = {folder / name: size for name, size in marker_content["files"].items() if member_filter(name)}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = all(path.is_file() and path.stat().st_size == size for path, size in files.items())
    return sorted(files) if same and whole else None


def _extract(
    archive: Path, folder: Path, max_bytes: int, member_filter: Callable[[str], bool]
) -> tuple[dict[str, int], list[str]]:
    """Writes what is wanted; returns its paths with their sizes, and the paths of the others."""
    file_sizes: dict[str, int] = {}
    others: list[str] = []
    with archive.open("rb") as raw, progress_bar(archive.stat().st_size, archive.name, unit="B") as bar:
        bar.unit_scale = True
        names, total = _Names(), 0
        for member in _members(raw, archive):
            path = names.take(member)
            total += member.size
            if total > max_bytes:
                raise _Refused(member.name, f"brings it to more than the {max_bytes / _GIB:.3g} GiB that are allowed")
            if member.folder:
                continue
            if member_filter(path):
                _write(member, folder / path, raw, bar)
                file_sizes[path] = member.size
            else:
                others.append(path)
            _advance(bar, raw)
        bar.update(archive.stat().st_size - bar.n)
    return file_sizes, others


def _advance(bar: tqdm, raw: IO[bytes]) -> None:
    bar.update(max(raw.tell() - bar.n, 0))


def _write(member: _Member, path: Path, raw: IO[bytes], bar: tqdm) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.size > shutil.disk_usage(path.parent).free:
        raise _Refused(member.name, f"has {member.size / _GIB:.3g} GiB, more than the disk has left")
    content, count = member.open(), 0
    if content is None:
        raise _Refused(member.name, "has no content")
    with content, path.open("xb") as file:
        while piece := content.read(_PIECE):
            count += len(piece)
            if count > member.size:
                raise _Refused(member.name, f"holds more than the {member.size} bytes it declares")
            file.write(piece)
            _advance(bar, raw)
    if count < member.size:
        raise _Refused(member.name, f"holds {count} of the {member.size} bytes it declares: the archive is not whole")
    path.chmod(0o644)


class _Names:
    """Paths of an archive so far, so that no two meet in any file system."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._count = 0

    def take(self, member: _Member) -> str:
        """The member's path, normalised: relative, with forward slashes.

        Raises:
            _Refused: it leads elsewhere, is taken, or cannot be everywhere.
        """
        self._count += 1
        if self._count > _MAX_MEMBERS:
            raise _Refused(member.name, f"is one of more than {_MAX_MEMBERS} members")
        if member.trouble:
            raise _Refused(member.name, member.trouble)
        if reason := _unsafe(member.name, member.folder):
            raise _Refused(member.name, reason)
        path = PurePosixPath(member.name)
        if not member.folder:
            self._take_file(member.name, path)
        return path.as_posix()

    def _take_file(self, name: str, path: PurePosixPath) -> None:
        # as file systems compare that know neither capitals nor ways to compose letters
        key = unicodedata.normalize("NFC", path.as_posix()).casefold()
        above = {parent.as_posix() for parent in PurePosixPath(key).parents}
        if key in self._files:
            raise _Refused(name, "stands there twice, or differs from another member in capitals only")
        if key in self._folders or above & self._files:
            raise _Refused(name, "is a file and a folder at once")
        self._files.add(key)
        self._folders |= above


def _unsafe(name: str, folder: bool) -> str:
    """Why a path cannot be written below a folder, or nothing."""
    path = PurePosixPath(name)
    if path.is_absolute():
        return "is an absolute path"
    if ".." in path.parts:
        return "leads out of the folder"
    if "\\" in name or ":" in name:
        return "holds a backslash or a colon, which mean other places on some systems"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        return "holds a control character"
    if any(len(part.encode("utf-8", "surrogateescape")) > _MAX_NAME_BYTES for part in path.parts):
        return "has too long a name"
    return "" if path.parts or folder else "has no name"


def _members(raw: IO[bytes], archive: Path) -> Iterator[_Member]:
    start = raw.read(8)
    raw.seek(0)
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        yield from _zip_members(raw)
    elif start.startswith(b"\x1f\x8b"):
        with GzipFile(fileobj=raw) as source:
            yield from _tar_members(source)
    elif start.startswith(b"BZh"):
        with BZ2File(raw) as source:
            yield from _tar_members(source)
    elif start.startswith(b"\xfd7zXZ\0"):
        with LZMAFile(raw) as source:
            yield from _tar_members(source)
    elif tarfile.is_tarfile(archive):
        yield from _tar_members(raw)
    else:
        raise tarfile.ReadError("neither ZIP nor tar")


def _zip_members(raw: IO[bytes]) -> Iterator[_Member]:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            # zipfile cuts names at a NUL
            name = info.orig_filename if "\0" in info.orig_filename else info.filename
            yield _Member(name, info.file_size, info.is_dir(), _zip_trouble(info), _opener(archive, info))


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _zip_trouble(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if info.flag_bits & 0x41:
        return "is encrypted"
    if stat.S_ISLNK(mode):
        return "is a link"
    special = stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR)
    return "is neither a file nor a folder" if special else ""


class _Blocks:
    """A tar as its reader needs it, which does not read headers without end into memory.

    Args:
        source: the tar, decompressed.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.last = b""

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end."""
        if size > _MAX_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.last = self._source.read(size)
        return self.last

    def seek(self, position: int) -> int:
        """Goes there; what is compressed is read on the way."""
        return self._source.seek(position)

    def tell(self) -> int:
        """Where it is."""
        return self._source.tell()


def _tar_members(source: Any) -> Iterator[_Member]:
    blocks = _Blocks(source)
    with tarfile.open(fileobj=blocks, mode="r:") as archive:  # type: ignore[call-overload]
        while (info := archive.next()) is not None:
            yield _Member(info.name, info.size, info.isdir(), _tar_trouble(info), _extractor(archive, info))
            archive.members.clear()
    # tarfile takes whatever is no header for the end
    if len(blocks.last) != tarfile.BLOCKSIZE or any(blocks.last):
        raise tarfile.ReadError("it does not end as a tar does")
    _check_rest(source)


def _extractor(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes] | None]:
    return lambda: archive.extractfile(info)


def _tar_trouble(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "is a link"
    if info.issparse() or info.size < 0:
        return "is sparse: it has more bytes than the archive"
    return "" if info.isreg() or info.isdir() else "is neither a file nor a folder"


def _check_rest(source: IO[bytes]) -> None:
    """Reads to the end, where compressed files have their checksum."""
    if all(source.read(_PIECE) for _ in range(_MAX_PADDING // _PIECE)):
        raise tarfile.ReadError("it goes on behind its end")

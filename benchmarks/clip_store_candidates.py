"""The candidates of `benchmarks.clip_store`: ways to keep the frames and masks of a clip in a folder."""

import importlib.util
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import decord
import numpy as np

from segtalker.clips.image_pack import ImagePack, write_images

Reader = Callable[[Sequence[int]], tuple[np.ndarray, np.ndarray]]
Pictures = Callable[[Sequence[int]], np.ndarray]

_CHUNK_FRAMES = 5
_MIN_PSNR_DB = 42.0
_CRFS = range(20, -1, -2)
_SAMPLING = {
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}


class Store(NamedTuple):
    """One candidate.

    Args:
        name: what the table says.
        write: folder, frames `(T, H, W, 3)`, masks `(T, H, W)`.
        open: folder -> reader of frames and masks by index.
    """

    name: str
    write: Callable[[Path, np.ndarray, np.ndarray], object]
    open: Callable[[Path], Reader]


def _jpeg(frame: np.ndarray, quality: int, sampling: str, optimise: bool = False) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLING[sampling]]
    options += [cv2.IMWRITE_JPEG_OPTIMIZE, int(optimise)]
    return cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def _png(image: np.ndarray) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    return cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 6])[1].tobytes()


def _image(payload: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image.ndim == 3 else image


def _png_folder() -> Store:
    def write(folder: Path, frames: np.ndarray, masks: np.ndarray) -> None:
        for index, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
            (folder / f"{index:06d}.png").write_bytes(_png(frame))
            (folder / f"{index:06d}_mask.png").write_bytes(_png(mask))

    def read(folder: Path, indices: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        frames = [_image((folder / f"{index:06d}.png").read_bytes()) for index in indices]
        masks = [_image((folder / f"{index:06d}_mask.png").read_bytes()) for index in indices]
        return np.stack(frames), np.stack(masks)

    return Store("PNG folder", write, lambda folder: partial(read, folder))


def _zipped(name: str, encode: Callable[[np.ndarray], bytes]) -> Store:
    """Frames and PNG masks in ZIPs read by `zipfile`."""

    def write(folder: Path, frames: np.ndarray, masks: np.ndarray) -> None:
        for file, images, code in (("frames.zip", frames, encode), ("masks.zip", masks, _png)):
            with zipfile.ZipFile(folder / file, "w") as pack:
                for index, image in enumerate(images):
                    pack.writestr(f"{index:06d}", code(image))

    def open_clip(folder: Path) -> Reader:
        packs: list[zipfile.ZipFile] = []

        def read(indices: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
            if not packs:
                packs.extend(zipfile.ZipFile(folder / file) for file in ("frames.zip", "masks.zip"))
            frames, masks = ([_image(pack.read(f"{index:06d}")) for index in indices] for pack in packs)
            return np.stack(frames), np.stack(masks)

        return read

    return Store(name, write, open_clip)


def _with_masks(
    name: str, write_frames: Callable[[Path, np.ndarray], object], open_frames: Callable[[Path], Pictures]
) -> Store:
    """Frames as given; masks as the store of this project keeps them."""

    def write(folder: Path, frames: np.ndarray, masks: np.ndarray) -> None:
        write_frames(folder, frames)
        write_images(folder / "masks.zip", masks, ".pgm")

    def open_clip(folder: Path) -> Reader:
        pictures, masks = open_frames(folder), ImagePack(folder / "masks.zip")
        return lambda indices: (pictures(indices), masks.read(indices))

    return Store(name, write, open_clip)


def _packed(name: str, suffix: str) -> Store:
    return _with_masks(
        name,
        lambda folder, frames: write_images(folder / "frames.zip", frames, suffix),
        lambda folder: ImagePack(folder / "frames.zip").read,
    )


def _jpegs(quality: int, sampling: str, optimise: bool = False) -> Store:
    """JPEG of one fixed quality, in the store of this project."""

    def write(folder: Path, frames: np.ndarray) -> None:
        with zipfile.ZipFile(folder / "frames.zip", "w") as pack:
            for index, frame in enumerate(frames):
                pack.writestr(f"{index:06d}.jpg", _jpeg(frame, quality, sampling, optimise))

    name = f"JPEG {sampling} q{quality}{', optimised' * optimise} + deflated masks"
    return _with_masks(name, write, lambda folder: ImagePack(folder / "frames.zip").read)


def _write_h264(folder: Path, frames: np.ndarray, pixels: str, crf: int) -> None:
    with av.open(str(folder / "frames.mp4"), "w") as container:
        options = {"crf": str(crf), "g": "1", "preset": "medium", "tune": "fastdecode", "threads": "1"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def _by_decord(folder: Path) -> Pictures:
    readers: list[decord.VideoReader] = []

    def read(indices: Sequence[int]) -> np.ndarray:
        if not readers:
            readers.append(decord.VideoReader(str(folder / "frames.mp4"), num_threads=1))
        return readers[0].get_batch(list(indices)).asnumpy()

    return read


def _by_pyav(folder: Path) -> Pictures:
    containers: list[av.container.InputContainer] = []

    def read(indices: Sequence[int]) -> np.ndarray:
        if not containers:
            containers.append(av.open(str(folder / "frames.mp4")))
            containers[0].streams.video[0].codec_context.thread_count = 1
        return np.stack(list(_sought(containers[0], indices)))

    return read


def _sought(container: "av.container.InputContainer", indices: Sequence[int]) -> Iterator[np.ndarray]:
    """Every frame is a key frame: a seek lands on it, and the next ones need none."""
    stream = container.streams.video[0]
    step = int(1 / stream.time_base / stream.average_rate)
    frames, expected = iter(()), -1
    for index in indices:
        if index != expected:
            container.seek(index * step, stream=stream)
            frames = container.decode(stream)
        frame = next(frames)
        assert frame.pts == index * step, (frame.pts, index)
        yield frame.to_ndarray(format="rgb24")
        expected = index + 1


def _h264(pixels: str, crf: int) -> list[Store]:
    write = partial(_write_h264, pixels=pixels, crf=crf)
    readers = {"decord": _by_decord, "PyAV": _by_pyav}
    return [_with_masks(f"x264 all-intra {pixels} crf {crf}, {name}", write, read) for name, read in readers.items()]


def _best_crf(frames: np.ndarray, pixels: str, folder: Path) -> int:
    """The highest crf that keeps the wanted PSNR; the last tried where none does."""
    for crf in _CRFS:
        _write_h264(folder, frames, pixels, crf)
        if min(map(cv2.PSNR, _by_pyav(folder)(range(len(frames))), frames)) >= _MIN_PSNR_DB:
            break
    return crf


def _chunks(name: str, compress: Callable[[np.ndarray], bytes], decompress: Callable[[bytes], bytes]) -> Store:
    """Frames and masks in compressed chunks of a few frames, one file a clip, read by memory map."""

    def write(folder: Path, frames: np.ndarray, masks: np.ndarray) -> None:
        for file, images in (("frames", frames), ("masks", masks)):
            starts = range(0, len(images), _CHUNK_FRAMES)
            parts = [compress(np.ascontiguousarray(images[start : start + _CHUNK_FRAMES])) for start in starts]
            np.save(folder / f"{file}.npy", np.frombuffer(b"".join(parts), np.uint8))
            np.save(folder / f"{file}_ends.npy", np.cumsum([0, *map(len, parts)]))
            np.save(folder / f"{file}_shape.npy", images.shape)

    def pictures(folder: Path, file: str) -> Pictures:
        content = np.load(folder / f"{file}.npy", mmap_mode="r")
        ends, shape = np.load(folder / f"{file}_ends.npy"), np.load(folder / f"{file}_shape.npy")

        def read(indices: Sequence[int]) -> np.ndarray:
            numbers = {index // _CHUNK_FRAMES for index in indices}
            parts = {number: decompress(content[ends[number] : ends[number + 1]].tobytes()) for number in numbers}
            arrays = {number: np.frombuffer(part, np.uint8).reshape(-1, *shape[1:]) for number, part in parts.items()}
            return np.stack([arrays[index // _CHUNK_FRAMES][index % _CHUNK_FRAMES] for index in indices])

        return read

    def open_clip(folder: Path) -> Reader:
        frames, masks = pictures(folder, "frames"), pictures(folder, "masks")
        return lambda indices: (frames(indices), masks(indices))

    return Store(name, write, open_clip)


def _blosc2_chunks() -> Iterator[Store]:
    if not importlib.util.find_spec("blosc2"):
        return
    import blosc2

    for codec in ("LZ4", "ZSTD"):
        parameters = {"codec": getattr(blosc2.Codec, codec), "clevel": 5, "nthreads": 1, "typesize": 1}
        yield _chunks(
            f"chunks of {_CHUNK_FRAMES}, blosc2 {codec}",
            lambda images, parameters=parameters: blosc2.compress2(images, **parameters),
            lambda payload: blosc2.decompress2(payload, nthreads=1),
        )


def _zarr_chunks() -> Iterator[Store]:
    if not importlib.util.find_spec("zarr"):
        return
    import zarr

    def write(folder: Path, frames: np.ndarray, masks: np.ndarray) -> None:
        for file, images in (("frames", frames), ("masks", masks)):
            chunks = (_CHUNK_FRAMES, *images.shape[1:])
            zarr.create_array(folder / file, data=images, chunks=chunks)

    def open_clip(folder: Path) -> Reader:
        arrays = [zarr.open_array(folder / file, mode="r") for file in ("frames", "masks")]
        frames, masks = arrays
        return lambda indices: (frames.oindex[list(indices)], masks.oindex[list(indices)])

    yield Store(f"chunks of {_CHUNK_FRAMES}, zarr", write, open_clip)


def candidates(sample: np.ndarray, folder: Path) -> list[Store]:
    """All candidates.

    Args:
        sample: some frames, `(T, H, W, 3)`, to choose the quality of video by.
        folder: an empty one to try in.
    """
    videos = [store for pixels in ("yuv444p", "yuv420p") for store in _h264(pixels, _best_crf(sample, pixels, folder))]
    return [
        _png_folder(),
        _packed("PNG, packed + deflated masks", ".png"),
        _zipped("JPEG 4:4:4 q97 + PNG masks, zipfile", partial(_jpeg, quality=97, sampling="4:4:4")),
        _packed("this store", ".jpg"),
        _jpegs(98, "4:4:4"),
        _jpegs(97, "4:4:4"),
        _jpegs(95, "4:4:4", optimise=True),
        _jpegs(95, "4:2:2"),
        _jpegs(95, "4:2:0"),
        *videos,
        _chunks(f"chunks of {_CHUNK_FRAMES}, deflate 6", lambda images: zlib.compress(images, 6), zlib.decompress),
        *_blosc2_chunks(),
        *_zarr_chunks(),
    ]

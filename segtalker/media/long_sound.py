"""Speech of any length, kept on disk: memory does not grow with it."""

from pathlib import Path

import numpy as np

from segtalker.media.audio import channel_pieces, chosen_channel


def spool_speech(path: Path, sample_rate_hz: int, folder: Path) -> np.ndarray:
    """Reads sound as `segtalker.media.audio.load_audio` does, by way of files.

    Args:
        path: sound or video.
        sample_rate_hz: wanted rate.
        folder: an existing one for the files.

    Returns:
        Mono, memory-mapped, `(S,)`, float32 in [-1, 1].

    Raises:
        BadClipError: unreadable, no sound track, or samples that are no numbers.
    """
    stored, lengths = folder / "channels.f32", list[int]()
    powers, mean_power = np.zeros(1), 0.0
    with stored.open("wb") as out:
        for piece in channel_pieces(path, sample_rate_hz):
            powers = powers + np.square(piece, dtype=np.float64).sum(axis=1)
            mean_power += float(np.square(piece.mean(axis=0), dtype=np.float64).sum())
            lengths.append(piece.shape[1])
            np.ascontiguousarray(piece, dtype=np.float32).tofile(out)
    channels = len(powers)
    chosen, mono_file = chosen_channel(powers, mean_power), folder / "speech.f32"
    with stored.open("rb") as pieces, mono_file.open("wb") as out:
        for length in lengths:
            piece = np.fromfile(pieces, np.float32, channels * length).reshape(channels, length)
            mono = piece.mean(axis=0) if chosen is None else piece[chosen]
            mono.clip(-1.0, 1.0).astype(np.float32, copy=False).tofile(out)
    stored.unlink()
    return np.memmap(mono_file, np.float32, "r") if sum(lengths) else np.zeros(0, np.float32)

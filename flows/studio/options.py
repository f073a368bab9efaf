"""What may be chosen of the studio on the command line."""

from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
MB = 1024 * 1024
UPLOADS = "uploads"  # in the studio's folder: the only files that are served


@dataclass(frozen=True)
class StudioOptions:
    """How the page is served, and what a visitor may ask of it.

    Args:
        host: address that is listened on; loopback is this machine alone.
        port: 0 for any free one.
        experiment: whose networks are offered first; None for those trained last.
        webcam: whether a face may be taken with the visitor's camera.
        max_speech_s: longest speech of a video.
        max_upload_mb: largest file.
        max_render_s: a video that takes longer is given up.
        queue: how many may wait for a video or a preview.
        keep_min: files are deleted so many minutes after they were last used, at the latest.
    """

    host: str = LOOPBACK
    port: int = 7860
    experiment: str | None = None
    webcam: bool = False
    max_speech_s: float = 120.0
    max_upload_mb: int = 200
    max_render_s: float = 1800.0
    queue: int = 8
    keep_min: float = 60.0

"""SegTalker: talking-face video from speech through face segmentation (arXiv 2409.03605)."""

__version__ = "0.1.0"

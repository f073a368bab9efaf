"""What `segtalker talk` is handed."""

from drawn_fixtures import files

__all__ = ["files"]

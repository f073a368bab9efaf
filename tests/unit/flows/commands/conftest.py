"""What `segtalker talk` is handed."""

from drawn_fixtures import files, models

__all__ = ["files", "models"]

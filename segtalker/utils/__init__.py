"""What knows nothing of faces: atomic writes, archives, downloads, hashes, paths, progress, errors."""

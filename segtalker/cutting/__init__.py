"""From recordings to clips: scene cuts, silence, faces, and who of several talks."""

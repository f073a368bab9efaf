"""Faces in frames: detectors, landmarks, alignment, crop squares, the mouth box, masks, paste-back."""

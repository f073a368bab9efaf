"""Face detection, cropping and parsing."""

"""Video, audio and images: decoding, encoding, speech features."""

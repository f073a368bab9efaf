"""What a generated picture says of itself: metadata, an invisible watermark, signed content credentials."""

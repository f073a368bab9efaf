"""From recordings to clips ready for training: cut, crop, gate, parse."""

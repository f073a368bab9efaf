"""Talking faces from trained networks: the talker, editing, background, and the methods that are compared."""

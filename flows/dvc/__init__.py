"""DVC and the processes of its stages."""

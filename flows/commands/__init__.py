"""One module for each `segtalker` command."""

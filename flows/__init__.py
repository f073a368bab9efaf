"""Prefect flows, the DVC stages they run and the `segtalker` command."""

"""The embedded dataset: people who do not exist, speaking synthetic speech."""

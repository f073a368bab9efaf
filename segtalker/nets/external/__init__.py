"""Frozen pretrained networks, loaded by their published key names."""

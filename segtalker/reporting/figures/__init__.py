"""Charts, strips and videos of a report."""

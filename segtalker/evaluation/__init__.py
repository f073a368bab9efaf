"""What is measured of the videos of every method, by which protocol."""

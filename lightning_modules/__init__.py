"""Lightning modules, one per trained network."""

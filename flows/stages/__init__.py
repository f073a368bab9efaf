"""One module per DVC stage: read params, build, run, write."""

"""Where clips come from: one module per kind of dataset."""

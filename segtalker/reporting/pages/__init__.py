"""Pages in HTML: the report and the datasets."""

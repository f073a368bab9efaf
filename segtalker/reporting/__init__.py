"""Tables, figures and the report page: what an experiment found, made readable from its files alone."""

"""Tables and comparisons of runs from MLflow alone: nothing is measured again and no other file is needed."""

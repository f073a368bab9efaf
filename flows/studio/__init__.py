"""The studio: a page on which people let a portrait talk and edit it. Gradio is imported nowhere else."""

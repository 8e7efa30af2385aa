"""Takes facts from every entrance, decides them and commits them in groups."""

"""Which numbers the public view hides. Pure."""

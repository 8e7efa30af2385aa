"""Rules for what the public view hides."""

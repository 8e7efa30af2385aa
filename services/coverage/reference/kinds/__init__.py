"""How each kind of reference data is written in a file."""

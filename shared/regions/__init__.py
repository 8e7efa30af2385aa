"""Kemendagri region codes: their shape, the tree, names and time zones."""

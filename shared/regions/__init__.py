"""Kemendagri region codes: shape, tree, names and time zones."""

"""Keeps hashed identities and their keys in MongoDB."""

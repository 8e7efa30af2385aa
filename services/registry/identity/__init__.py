"""Turns identities into keyed hashes, rotates keys and erases identities."""

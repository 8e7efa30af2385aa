"""Mechanics that every service uses; nothing of the domain."""

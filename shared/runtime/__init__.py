"""Mechanics every service runs on. No domain noun lives here."""

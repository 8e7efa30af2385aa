"""The six kinds of reference data: a new one is a file here, and nothing else changes."""

"""Keeps counters, flows and checkpoints in MongoDB."""

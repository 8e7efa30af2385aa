"""Reads counters for a proof and keeps generations in MongoDB."""

"""Answers questions about regions from counters and reference data."""

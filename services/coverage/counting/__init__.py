"""Counts changes into regional counters, each exactly once."""

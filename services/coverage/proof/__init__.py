"""Proves the counters and rebuilds them."""

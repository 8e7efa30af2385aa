"""Benchmarks: each prints JSON, and its ratio to a limit measured in the same run. Nothing here asserts a number."""

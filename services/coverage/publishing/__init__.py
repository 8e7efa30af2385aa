"""Publishes a snapshot of each region that changed."""

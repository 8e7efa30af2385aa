"""Deliveries: stored, claimed, sent through channels, tried again, given up."""

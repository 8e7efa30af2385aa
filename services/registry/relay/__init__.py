"""Publishes ledger entries and runs the lapse clock."""

"""Checks, replays and dumps the ledger."""

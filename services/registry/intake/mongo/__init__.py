"""Keeps participants and ledger in MongoDB."""

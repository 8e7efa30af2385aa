"""Use cases: evaluate snapshots, deliver messages."""

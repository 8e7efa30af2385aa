"""Use cases: evaluate snapshots, deliver messages, watch the clock."""

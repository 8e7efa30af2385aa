"""How changes become counters. Pure."""

"""Takes facts over HTTP."""

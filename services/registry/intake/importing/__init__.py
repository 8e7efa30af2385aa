"""The import command: sends a file of any size to the bulk route of a running registry."""

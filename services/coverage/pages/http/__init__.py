"""The pages over HTTP, one file a page or a few that belong together."""

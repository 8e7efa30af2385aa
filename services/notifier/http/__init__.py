"""Notifier's HTTP API, one file a resource."""

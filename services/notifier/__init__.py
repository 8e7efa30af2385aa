"""Notifier: decides which official must hear of a region, and delivers the message."""

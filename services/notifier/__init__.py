"""Notifier: decides which officials are alerted about a region, and delivers the messages."""

"""Notifier's decisions: rules, hysteresis, recipients. Pure."""

"""Reads changes from Kafka for counting."""

"""Takes facts from Kafka."""

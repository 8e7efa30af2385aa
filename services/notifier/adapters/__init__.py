"""What carries notifier's facts in and out: Kafka, MongoDB, SMTP, HTTP, YAML, Prometheus."""

"""Kafka, MongoDB, SMTP, HTTP and YAML."""

"""The registry's ways in and out: HTTP, MongoDB, Kafka, Prometheus."""

"""Coverage's ways in and out: Kafka, MongoDB, HTTP, Prometheus."""

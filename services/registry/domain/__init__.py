"""What the registry decides, without knowing Kafka, MongoDB or HTTP."""

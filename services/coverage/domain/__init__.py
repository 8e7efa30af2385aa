"""What coverage counts and how, without knowing Kafka, MongoDB or HTTP."""

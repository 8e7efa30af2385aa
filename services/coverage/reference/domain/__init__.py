"""What reference data means. Pure."""

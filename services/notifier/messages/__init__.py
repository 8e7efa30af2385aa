"""Messages: what an official reads, made from the facts of an alert."""

"""registry decides what is true of a participant: it takes facts and publishes each change of state."""

"""What the registry does a second, each beside the least that the same machine must do for it."""

"""What the registry does with facts, on ports only."""

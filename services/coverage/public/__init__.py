"""What a caller without a token may see."""

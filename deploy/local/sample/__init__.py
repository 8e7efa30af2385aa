"""The sample: Aceh at one to a hundred, sent through the public API by an upstream system and an operator."""

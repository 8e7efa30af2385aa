"""What coverage does with changes, reference data and questions, on ports only."""

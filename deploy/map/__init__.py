"""Makes the schematic maps of services/coverage/pages/drawing: `make map` (ADR 0035)."""

"""The engine of alerts.md: an event and a state in, decisions and the next state out. Pure (ADR 0031)."""

"""Coverage: replay, live rate and the cost of many villages."""

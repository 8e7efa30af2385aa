"""How a proof counts: apart from the code that it checks. Pure."""

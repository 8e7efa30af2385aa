"""The three services. None imports another, and none reads another's database."""

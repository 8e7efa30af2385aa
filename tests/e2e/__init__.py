"""End-to-end tests. As a package they have one stack, which ends with the last of them."""

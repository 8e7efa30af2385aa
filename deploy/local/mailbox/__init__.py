"""A mail server for the local stack: it keeps what officials are sent, and shows it on a page."""

"""The only knowledge services share: what travels between them. Contracts only gain optional fields."""

"""The records that services exchange. Nothing else is shared. Contracts only gain optional fields."""

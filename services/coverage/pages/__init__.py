"""The officials' pages: HTML of what the API gives, for the same readers, with the same suppression."""

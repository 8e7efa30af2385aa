"""Coverage: adds up what the registry decided, per region, and says how many of those who could be covered are."""

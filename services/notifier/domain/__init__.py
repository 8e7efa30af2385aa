"""What notifier decides: rules, hysteresis, who hears. Pure."""

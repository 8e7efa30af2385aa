"""Ways to reach officials: e-mail, webhook, chat."""

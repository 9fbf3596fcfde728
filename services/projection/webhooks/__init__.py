"""Events on their way to webhooks: messages made of facts, and the courier that posts them."""

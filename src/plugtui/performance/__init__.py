"""Returns, drawdown, ratios and round trips. Pure."""

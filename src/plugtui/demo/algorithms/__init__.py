"""Sample algorithms: each is a program of its own that knows Alpaca and nothing of plugtui."""

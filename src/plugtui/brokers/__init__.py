"""The port to brokerage REST APIs, and Alpaca behind it."""

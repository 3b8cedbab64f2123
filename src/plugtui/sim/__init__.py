"""A stand-in for Alpaca: market data, account stream and REST, with faults on command."""

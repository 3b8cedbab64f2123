"""Alpaca's dialects without I/O: codecs, channels, paths, session state machines for both sides."""

"""The engine: one upstream connection per endpoint, shared by all local algorithms."""

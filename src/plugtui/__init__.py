"""plugtui: one Alpaca connection, many algorithms, one terminal."""

__version__ = "0.1.0"

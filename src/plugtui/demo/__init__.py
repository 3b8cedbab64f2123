"""The demo: a built-in exchange, an engine, sample algorithms and traders, all real processes."""

"""Everything that opens over the panes."""

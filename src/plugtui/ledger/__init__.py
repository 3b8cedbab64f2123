"""Executions, orders, attribution, gaps: what happened, exactly once."""

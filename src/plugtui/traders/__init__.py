"""Plugged accounts of other traders: their record, their trades without amounts."""

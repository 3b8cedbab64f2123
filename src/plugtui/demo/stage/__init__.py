"""The demo on a stage: exchange, engine and programs in one process, on a clock and a network that exist only there.

Nothing on it depends on the machine or on chance: the same seed gives the same seconds, to the nanosecond. The pictures of
the dashboard are taken from it.
"""

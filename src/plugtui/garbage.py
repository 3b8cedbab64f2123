"""When the garbage collector has its turn in a process that must answer within milliseconds."""

import gc


def settle() -> None:
    """Leave what is there by now out of every collection: a full one would hold everything up for tens of milliseconds.

    To be called once, when what lives as long as the process has been made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)

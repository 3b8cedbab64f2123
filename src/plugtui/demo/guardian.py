"""Ends the programs of a demo when the demo itself is gone, however it went, and removes its directory.

Run as a script: ``guardian.py DIRECTORY``, as the leader of a process group of its own that the programs join. It forks: the
leader only keeps the group's number taken, while its child, in another group, waits for the end of its input. Only the demo
holds the other end of that pipe, so that the kernel reports also a kill -9. Standard library only, and little of it: it must
be there before anything else.
"""

import os
import shutil
import signal
import sys
import time

GRACE_S = 3.0
_POLL_S = 0.02


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS says so for a group of zombies.
        return False
    return True


def end_group(group: int, grace_s: float = GRACE_S) -> None:
    """Ask all programs of the group to end, wait, and kill what is left."""
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 1.0)):
        deadline = time.monotonic() + patience_s
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        while _group_lives(group) and time.monotonic() < deadline:
            time.sleep(_POLL_S)


def main(directory: str) -> None:
    """Wait for the end of the input, then clean up."""
    group = os.getpid()
    watcher = os.fork()
    if watcher:
        # The leader must not read the pipe nor hold it open, and goes with its group.
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.waitpid(watcher, 0)
        return
    os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1024):
        pass
    end_group(group)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])

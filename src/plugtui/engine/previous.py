"""How the engine before this one ended: streams that it did not close may be counted against the account for a while."""

import logging
from collections.abc import Callable

from plugtui.errors import StoreError
from plugtui.store.store import Store

log = logging.getLogger(__name__)

HEARD = "account_heard_ns"
"""Key under which the account keeps when its stream was last heard."""
_ENDED = "engine_ended"


async def broken_off_ns(store: Store) -> int | None:
    """Return when the engine before this one was last heard of, if it did not end tidily; from now on, this one runs.

    Raises:
        StoreError: the database cannot be read or written.
    """
    ended, heard = await store.get(_ENDED), await store.get(HEARD)
    await store.write(Store.put(_ENDED, "no"))
    return int(heard) if ended == "no" and heard else None


async def end_tidily(store: Store, now_ns: Callable[[], int]) -> None:
    """Keep that this engine closes its streams itself."""
    try:
        await store.write(Store.put(_ENDED, str(now_ns())))
    except StoreError as error:
        log.debug("the tidy end could not be kept: %s", error.title)

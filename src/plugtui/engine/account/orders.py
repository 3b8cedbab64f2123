"""Keep whose order is whose (row F3): claimed before the broker sees it, known again when its executions come."""

import logging
import time
from collections.abc import Callable

import msgspec

from plugtui.engine.account.journal import Journal
from plugtui.errors import WireError
from plugtui.ledger.attribution import CLIENT, ORDER

log = logging.getLogger(__name__)


class OrderBookkeeper:
    """Take claims and the broker's answers to orders.

    A StoreError from here means that the claim holds in memory and waits for the database: the order may go out.
    """

    def __init__(self, journal: Journal, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._journal = journal
        self._now_ns = now_ns

    async def claim(
        self, *, algo: str, client_order_id: str = "", order_id: str = "", time_ns: int | None = None
    ) -> int:
        """Keep durably that an order is of ``algo``.

        Executions that were already told without their algorithm are told again with it.

        Returns:
            how many executions found their algorithm.

        Raises:
            StoreError: it waits for the database.
        """
        at_ns = self._now_ns() if time_ns is None else time_ns
        found = 0
        if client_order_id:
            found += await self._journal.attribute(CLIENT, client_order_id, algo, at_ns)
        if order_id:
            found += await self._journal.attribute(ORDER, order_id, algo, at_ns)
        return found

    async def claimed_order(self, order_json: bytes | str, algo: str) -> None:
        """Take over an order of ``algo`` from the broker's answer, its legs along; what is not an order is passed over.

        Raises:
            StoreError: it waits for the database.
        """
        now_ns = self._now_ns()
        try:
            order = msgspec.json.decode(order_json)
            if not isinstance(order, dict) or not order.get("id"):
                return
            await self._journal.attribute(
                ORDER, str(order["id"]), algo, now_ns, lambda: self._journal.ledger.take_answer(order, now_ns)
            )
        except (WireError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("an order of %s could not be read: %s", algo, error)

    def open_orders(self, algo: str) -> list[str]:
        """Return the ids of the orders of ``algo`` that may still execute, to be canceled when it is paused."""
        return [record.order_id for record in self._journal.ledger.open_orders(algo) if not record.parent_id]

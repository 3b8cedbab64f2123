"""Whose order is it? Claims and what follows from them (row F3).

The gateway claims an order for the algorithm that sends it, by ``client_order_id`` before the request goes out and by
order id from the answer. Bracket legs belong to whoever owns the parent, a replacement to whoever owns what it replaces.
What nobody claimed stays unattributed.
"""

from collections import defaultdict

CLIENT = "client"
ORDER = "order"


class Attribution:
    """Claims, and the family ties through which they spread."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], str] = {}
        self._client_of: dict[str, str] = {}
        self._orders_of: dict[str, set[str]] = defaultdict(set)
        self._elders: dict[str, set[str]] = defaultdict(set)
        self._heirs: dict[str, set[str]] = defaultdict(set)

    def claim(self, kind: str, name: str, algo: str) -> bool:
        """Note a claim (kind ``client`` or ``order``); False when it says nothing new. The last word counts."""
        if not name or self._claims.get((kind, name)) == algo:
            return False
        self._claims[kind, name] = algo
        return True

    def relate(
        self, order_id: str, *, client_order_id: str = "", replaces: str | None = None, parent_id: str | None = None
    ) -> None:
        """Note what is known of an order's ties; may be called again as more becomes known."""
        if client_order_id:
            self._client_of[order_id] = client_order_id
            self._orders_of[client_order_id].add(order_id)
        for elder in (replaces, parent_id):
            if elder and elder != order_id:
                self._elders[order_id].add(elder)
                self._heirs[elder].add(order_id)

    def algo_of(self, order_id: str, client_order_id: str = "") -> str | None:
        """Return the algorithm whose order this is: its own claims first, then those of parent and predecessors."""
        waiting, seen = [order_id], {order_id}
        while waiting:
            current = waiting.pop(0)
            client = (client_order_id if current == order_id else "") or self._client_of.get(current, "")
            algo = self._claims.get((ORDER, current)) or self._claims.get((CLIENT, client))
            if algo is not None:
                return algo
            elders = sorted(self._elders.get(current, ()))
            waiting.extend(elder for elder in elders if elder not in seen)
            seen.update(elders)
        return None

    def forget(self, order_id: str) -> None:
        """Drop what is known of an order that is long done; its executions keep their attribution in the database."""
        self._claims.pop((ORDER, order_id), None)
        client = self._client_of.pop(order_id, "")
        orders = self._orders_of.get(client)
        if orders is not None:
            orders.discard(order_id)
            if not orders:
                del self._orders_of[client]
                self._claims.pop((CLIENT, client), None)
        for elder in self._elders.pop(order_id, ()):
            heirs = self._heirs.get(elder)
            if heirs is not None:
                heirs.discard(order_id)
                if not heirs:
                    del self._heirs[elder]

    def reach(self, kind: str, name: str) -> set[str]:
        """Return the known orders whose owner may change with a claim: the order itself and all that inherit from it."""
        waiting = [name] if kind == ORDER else sorted(self._orders_of.get(name, ()))
        reached: set[str] = set()
        while waiting:
            current = waiting.pop()
            if current not in reached:
                reached.add(current)
                waiting.extend(self._heirs.get(current, ()))
        return reached

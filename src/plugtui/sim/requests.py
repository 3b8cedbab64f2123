"""From the body of an order request to order records, with Alpaca's validation (protocol §3.5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from plugtui.sim.instruments import Instrument
from plugtui.sim.numbers import ZERO, number, text
from plugtui.sim.orders import Order
from plugtui.sim.rejections import bad_request, invalid

Body = Mapping[str, Any]
TYPES = frozenset({"market", "limit", "stop", "stop_limit", "trailing_stop"})
TIMES_IN_FORCE = frozenset({"day", "gtc", "opg", "cls", "ioc", "fok"})
CRYPTO_TIMES_IN_FORCE = frozenset({"gtc", "ioc", "fok"})
CLASSES = frozenset({"simple", "bracket", "oco", "oto"})
MINIMUM_NOTIONAL = Decimal(1)
MAXIMUM_CLIENT_ID = 128


@dataclass(frozen=True, slots=True)
class Context:
    """What order records are made with besides the request."""

    account: str
    instruments: Mapping[str, Instrument]
    now_ns: int
    new_id: Callable[[], str]
    next_sequence: Callable[[], int]
    position: Callable[[str], Decimal]


def find_instrument(instruments: Mapping[str, Instrument], name: str) -> Instrument | None:
    """Return the instrument of a symbol; crypto pairs also without the slash (``BTCUSD``), both also as asset id."""
    if found := instruments.get(name):
        return found
    for instrument in instruments.values():
        if name in (instrument.asset_id, instrument.symbol.replace("/", "")):
            return instrument
    return None


def read_number(body: Body, key: str, positive: bool = True) -> Decimal | None:
    """Read an optional number. Raises Rejection (422)."""
    value = body.get(key)
    if value is None or value == "":
        return None
    try:
        read = number(value)
    except ValueError:
        raise invalid(f"invalid {key}: {value!r} is not a number") from None
    if positive and read <= 0:
        raise invalid(f"{key} must be > 0")
    return read


def _choice(body: Body, key: str, allowed: frozenset[str], default: str | None = None) -> str:
    value = body.get(key) or default
    if value is None:
        raise invalid(f"{key} is required")
    if value not in allowed:
        raise invalid(f"invalid {key}")
    return str(value)


def build(body: Body, context: Context) -> Order:
    """Return the order of a ``POST /v2/orders`` body with its legs. Raises Rejection."""
    instrument = _instrument(body, context)
    side = _choice(body, "side", frozenset({"buy", "sell"}))
    order_class = _choice(body, "order_class", CLASSES, "simple")
    kind = _choice(body, "type", TYPES, "limit" if order_class == "oco" else None)
    tif = _choice(body, "time_in_force", TIMES_IN_FORCE, "gtc" if instrument.is_crypto else None)
    client_id = body.get("client_order_id") or context.new_id()
    if not isinstance(client_id, str) or len(client_id) > MAXIMUM_CLIENT_ID:
        raise invalid("client_order_id must be no more than 128 characters")
    order = Order(
        id=context.new_id(),
        client_order_id=client_id,
        account=context.account,
        instrument=instrument,
        side=side,
        type=kind,
        time_in_force=tif,
        qty=read_number(body, "qty"),
        notional=read_number(body, "notional"),
        limit_price=read_number(body, "limit_price"),
        stop_price=read_number(body, "stop_price"),
        trail_price=read_number(body, "trail_price"),
        trail_percent=read_number(body, "trail_percent"),
        extended_hours=bool(body.get("extended_hours")),
        order_class=order_class,
        created_ns=context.now_ns,
        sequence=context.next_sequence(),
    )
    if order_class != "simple":
        _attach_legs(order, body, context)
    validate(order)
    order.position_intent = str(body.get("position_intent") or _intent(order, context.position(order.symbol)))
    return order


def _instrument(body: Body, context: Context) -> Instrument:
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise invalid("symbol is required")
    instrument = find_instrument(context.instruments, symbol)
    if instrument is None:
        raise invalid(f'asset "{symbol}" not found')
    return instrument


def _intent(order: Order, position: Decimal) -> str:
    return f"{order.side}_to_{'close' if position * order.sign < 0 else 'open'}"


# ------------------------------------------------------------------- what must hold


def validate(order: Order) -> None:
    """Check that an order's fields fit together. Raises Rejection (422)."""
    _validate_quantity(order)
    _validate_prices(order)
    _validate_time_in_force(order)


def _validate_quantity(order: Order) -> None:
    if (order.qty is None) == (order.notional is None):
        raise invalid("qty or notional is required" if order.qty is None else "only one of qty or notional is accepted")
    instrument = order.instrument
    if order.notional is not None:
        if order.type != "market" and not instrument.is_crypto:
            raise invalid("notional orders must be market orders")
        if order.notional < MINIMUM_NOTIONAL:
            raise invalid("notional amount must be >= 1.00")
        if order.notional != round(order.notional, 2):
            raise invalid("notional value must be limited to 2 decimal places")
    if order.qty is None:
        fractional = True
    else:
        fractional = order.qty % 1 != 0
        if order.qty % instrument.min_size and not (instrument.fractionable and order.qty % Decimal("1e-9") == 0):
            raise invalid(f"qty must be a multiple of {text(instrument.min_size)}")
    if fractional and not instrument.is_crypto:
        if not instrument.fractionable:
            raise invalid(f'asset "{order.symbol}" is not fractionable')
        if order.time_in_force != "day" or order.order_class != "simple":
            raise invalid("fractional orders must be simple DAY orders")


_NEEDS = {
    "market": frozenset[str](),
    "limit": frozenset({"limit_price"}),
    "stop": frozenset({"stop_price"}),
    "stop_limit": frozenset({"limit_price", "stop_price"}),
    "trailing_stop": frozenset[str](),
}


def _validate_prices(order: Order) -> None:
    for key in ("limit_price", "stop_price"):
        price = getattr(order, key)
        if price is None and key in _NEEDS[order.type]:
            raise invalid(f"{order.type} orders require {key.replace('_', ' ')}")
        if price is not None and key not in _NEEDS[order.type] and order.type != "trailing_stop":
            raise invalid(f"{order.type} orders must not have {key}")
        if price is not None and not order.instrument.is_crypto:
            step = Decimal("0.01") if price >= 1 else Decimal("0.0001")
            if price % step:
                raise invalid(
                    f"invalid {key} {text(price)}. sub-penny increment does not fulfill minimum pricing criteria"
                )
    trails = (order.trail_price is not None) + (order.trail_percent is not None)
    if order.type == "trailing_stop" and trails != 1:
        raise invalid("trailing stop orders must specify one of trail_price or trail_percent")
    if order.type != "trailing_stop" and trails:
        raise invalid("only trailing stop orders may specify trail_price or trail_percent")


def _validate_time_in_force(order: Order) -> None:
    if order.instrument.is_crypto:
        if order.time_in_force not in CRYPTO_TIMES_IN_FORCE:
            raise invalid("invalid crypto time_in_force")
        if order.type not in ("market", "limit", "stop_limit") or order.order_class != "simple":
            raise invalid("invalid order type for crypto order")
        return
    if order.extended_hours and not (order.type == "limit" and order.time_in_force in ("day", "gtc")):
        raise invalid("extended hours order must be DAY limit orders")
    if order.time_in_force in ("opg", "cls", "ioc", "fok") and order.type not in ("market", "limit"):
        raise invalid(f"invalid time in force for {order.type} order")
    if order.type == "trailing_stop" and order.time_in_force not in ("day", "gtc"):
        raise invalid("trailing stop orders must be DAY or GTC")
    if order.order_class != "simple" and order.time_in_force not in ("day", "gtc"):
        raise invalid(f"{order.order_class} orders must be DAY or GTC")


# ------------------------------------------------------------------- groups


def _attach_legs(order: Order, body: Body, context: Context) -> None:
    profit, loss = _part(body, "take_profit"), _part(body, "stop_loss")
    if order.order_class == "bracket" and (profit is None or loss is None):
        raise invalid("bracket orders require take_profit.limit_price and stop_loss.stop_price")
    if order.order_class == "oto" and (profit is None) == (loss is None):
        raise invalid("oto orders require exactly one of take_profit or stop_loss")
    if order.order_class == "oco" and loss is None:
        raise invalid("oco orders require stop_loss.stop_price")
    if order.order_class == "oco":
        order.limit_price = order.limit_price or read_number(profit or {}, "limit_price")
        profit = None
    exit_side = order.side if order.order_class == "oco" else ("sell" if order.side == "buy" else "buy")
    if profit is not None:
        order.legs.append(_leg(order, exit_side, profit, "limit", context))
    if loss is not None:
        kind = "stop_limit" if loss.get("limit_price") else "stop"
        order.legs.append(_leg(order, exit_side, loss, kind, context))
    _check_sides(order)


def _part(body: Body, key: str) -> Body | None:
    part = body.get(key)
    if part is not None and not isinstance(part, Mapping):
        raise bad_request()
    return part


def _leg(order: Order, side: str, part: Body, kind: str, context: Context) -> Order:
    leg = Order(
        id=context.new_id(),
        client_order_id=context.new_id(),
        account=order.account,
        instrument=order.instrument,
        side=side,
        type=kind,
        time_in_force=order.time_in_force,
        qty=order.qty,
        limit_price=read_number(part, "limit_price"),
        stop_price=read_number(part, "stop_price") if kind != "limit" else None,
        order_class=order.order_class,
        position_intent=f"{side}_to_close",
        status="held",
        created_ns=context.now_ns,
        sequence=context.next_sequence(),
        parent=order,
    )
    if order.qty is not None:
        validate(leg)
    return leg


def _check_sides(order: Order) -> None:
    """Refuse a take-profit on the wrong side of its stop-loss: both would execute at once."""
    exits = [order, *order.legs] if order.order_class == "oco" else order.legs
    profit = next((o.limit_price for o in exits if o.type == "limit"), None)
    loss = next((o.stop_price for o in exits if o.type != "limit"), None)
    if profit is None or loss is None or not exits:
        return
    sign = 1 if exits[0].side == "sell" else -1
    if (profit - loss) * sign <= ZERO:
        raise invalid("take_profit.limit_price and stop_loss.stop_price are on the wrong sides of each other")


# ------------------------------------------------------------------- replacement


def build_replacement(old: Order, body: Body, context: Context) -> Order:
    """Return the order that takes the place of ``old`` after ``PATCH /v2/orders/{id}``. Raises Rejection."""
    qty = read_number(body, "qty")
    trail = read_number(body, "trail")
    if trail is not None and old.type != "trailing_stop":
        raise invalid("only trailing stop orders have a trail")
    client_id = body.get("client_order_id") or context.new_id()
    new = Order(
        id=context.new_id(),
        client_order_id=str(client_id),
        account=old.account,
        instrument=old.instrument,
        side=old.side,
        type=old.type,
        time_in_force=_choice(body, "time_in_force", TIMES_IN_FORCE, old.time_in_force),
        qty=qty if qty is not None else (old.remaining if old.qty is not None else None),
        notional=old.notional if qty is None else None,
        limit_price=read_number(body, "limit_price") or old.limit_price,
        stop_price=(read_number(body, "stop_price") or old.stop_price) if old.type != "trailing_stop" else None,
        trail_price=(trail or old.trail_price) if old.trail_price is not None else None,
        trail_percent=(trail or old.trail_percent) if old.trail_percent is not None else None,
        extended_hours=old.extended_hours,
        order_class=old.order_class,
        position_intent=old.position_intent,
        created_ns=context.now_ns,
        sequence=context.next_sequence(),
        replaces=old.id,
        triggered=old.triggered,
        hwm=old.hwm,
    )
    if qty is not None and old.legs:
        raise invalid(f"the quantity of a {old.order_class} order cannot be replaced")
    if qty is not None and old.notional is not None:
        raise invalid("the quantity of a notional order cannot be replaced")
    validate(new)
    return new

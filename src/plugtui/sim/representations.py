"""Account, position, asset, clock and calendar as the trading API shows them (protocol §3.2, §3.4, §3.7)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from plugtui.sim.accounts import Account, Position
from plugtui.sim.calendar import Session, TradingCalendar, new_york
from plugtui.sim.exchange import Exchange
from plugtui.sim.instruments import Instrument
from plugtui.sim.numbers import text
from plugtui.wire.times import NS, ns_to_rfc3339

RATIO_STEP = Decimal("0.000001")
THIRTY_PERCENT = Decimal("0.3")


def account_json(exchange: Exchange, account: Account) -> dict[str, Any]:
    """Return ``GET /v2/account``. The fields that ended with the pattern-day-trader rule are left out."""
    prices = exchange.market.last
    long, short = account.market_values(prices)
    equity = account.cash + long + short
    power = account.buying_power(prices)
    cash_power = account.cash_power(prices)
    return {
        "id": account.id,
        "account_number": account.number,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "cash": text(account.cash),
        "buying_power": text(power),
        "regt_buying_power": text(power),
        "non_marginable_buying_power": text(cash_power),
        "effective_buying_power": text(power),
        "options_buying_power": text(cash_power),
        "options_approved_level": 0,
        "options_trading_level": 0,
        "accrued_fees": "0",
        "portfolio_value": text(equity),
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": account.configuration.suspend_trade,
        "shorting_enabled": account.multiplier > 1 and not account.configuration.no_shorting,
        "created_at": ns_to_rfc3339(account.created_ns),
        "multiplier": text(account.multiplier),
        "equity": text(equity),
        "last_equity": text(account.last_equity),
        "long_market_value": text(long),
        "short_market_value": text(short),
        "position_market_value": text(long + short),
        "initial_margin": text(account.initial_margin(prices)),
        "maintenance_margin": text((long - short) * THIRTY_PERCENT),
        "last_maintenance_margin": text((long - short) * THIRTY_PERCENT),
        "sma": "0",
        "balance_asof": new_york(exchange.venue.now_ns).date().isoformat(),
        "intraday_adjustments": "0",
        "pending_reg_taf_fees": "0",
        "crypto_tier": 1,
    }


def _ratio(value: Decimal, base: Decimal) -> str:
    return text((value / base).quantize(RATIO_STEP)) if base else "0"


def position_json(exchange: Exchange, account: Account, position: Position) -> dict[str, Any]:
    """Return one position; crypto symbols stand without the slash."""
    instrument = position.instrument
    price = exchange.market.last(instrument.symbol)
    lastday = exchange.market.previous_close(instrument.symbol)
    value, cost = position.qty * price, position.cost
    today = value - position.day_cost
    return {
        "asset_id": instrument.asset_id,
        "symbol": instrument.symbol.replace("/", ""),
        "exchange": instrument.exchange,
        "asset_class": instrument.asset_class,
        "asset_marginable": not instrument.is_crypto,
        "avg_entry_price": text(position.average_entry.quantize(RATIO_STEP)),
        "qty": text(position.qty),
        "qty_available": text(account.available(instrument.symbol)),
        "side": "long" if position.qty > 0 else "short",
        "market_value": text(value),
        "cost_basis": text(cost.quantize(RATIO_STEP)),
        "unrealized_pl": text((value - cost).quantize(RATIO_STEP)),
        "unrealized_plpc": _ratio(value - cost, abs(cost)),
        "unrealized_intraday_pl": text(today),
        "unrealized_intraday_plpc": _ratio(today, abs(position.day_cost)),
        "current_price": text(price),
        "lastday_price": text(lastday),
        "change_today": _ratio(price - lastday, lastday),
    }


def asset_json(instrument: Instrument) -> dict[str, Any]:
    """Return one asset."""
    marginable = not instrument.is_crypto
    body: dict[str, Any] = {
        "id": instrument.asset_id,
        "class": instrument.asset_class,
        "exchange": instrument.exchange,
        "symbol": instrument.symbol,
        "name": instrument.name,
        "status": "active",
        "tradable": True,
        "marginable": marginable,
        "maintenance_margin_requirement": 30 if marginable else 100,
        "margin_requirement_long": "30" if marginable else "100",
        "margin_requirement_short": "30" if instrument.shortable else "100",
        "shortable": instrument.shortable,
        "easy_to_borrow": instrument.shortable,
        "borrow_status": "easy_to_borrow" if instrument.shortable else "not_shortable",
        "fractionable": instrument.fractionable,
        "attributes": [],
    }
    if instrument.is_crypto:
        body["min_order_size"] = text(instrument.min_size)
        body["min_trade_increment"] = text(instrument.min_size)
        body["price_increment"] = text(instrument.price_increment)
    return body


def _with_offset(ns: int) -> str:
    """Format in New York time with all nine digits of the fraction, as the real clock has them."""
    moment = new_york(ns)
    offset = moment.strftime("%z")
    fraction = f".{ns % NS:09d}" if ns % NS else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{offset[:3]}:{offset[3:]}"


def clock_json(calendar: TradingCalendar, now_ns: int) -> dict[str, Any]:
    """Return ``GET /v2/clock``."""
    return {
        "timestamp": _with_offset(now_ns),
        "is_open": calendar.is_open(now_ns),
        "next_open": _with_offset(calendar.next_open(now_ns)),
        "next_close": _with_offset(calendar.next_close(now_ns)),
    }


def session_json(calendar: TradingCalendar, session: Session) -> dict[str, Any]:
    """Return one day of ``GET /v2/calendar``."""
    settlement = session.day + timedelta(days=1)
    while calendar.session(settlement) is None:
        settlement += timedelta(days=1)
    around = session.around_the_clock
    return {
        "date": session.day.isoformat(),
        "open": session.open_text,
        "close": session.close_text,
        "session_open": "0000" if around else "0400",
        "session_close": "2359" if around else "2000",
        "settlement_date": settlement.isoformat(),
    }

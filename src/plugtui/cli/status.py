"""``plugtui status``: how the running engine is, for people and scripts."""

import json
import time
from typing import TYPE_CHECKING

import click

from plugtui.cli.options import json_option, paths_of, profile_option

if TYPE_CHECKING:
    from plugtui.control.messages import AccountState, Snapshot

_FRESH_S = 15.0
"""Money read no longer ago is as new as can be; a problem that the engine tells is then another one."""


@click.command()
@profile_option
@json_option
def status(profile: str | None, as_json: bool) -> None:
    """Say how the running engine is: streams, account, algorithms, traders.

    Exit code 6 when none of this profile runs; with --json the object then is {"running": false, …}.
    """
    import msgspec

    from plugtui.cli.link import snapshot
    from plugtui.errors import NotRunning

    paths = paths_of(profile)
    try:
        picture = snapshot(paths)
    except NotRunning:
        if as_json:
            click.echo(json.dumps({"running": False, "profile": paths.profile}))
        raise
    if as_json:
        plain = msgspec.to_builtins(picture)
        topics = ("engine", "streams", "account", "algos", "traders")
        click.echo(
            json.dumps(
                {"running": True, "profile": paths.profile, "facts": picture.seq} | {t: plain[t] for t in topics}
            )
        )
    else:
        click.echo(as_text(picture, time.time_ns()))


def as_text(picture: "Snapshot", now_ns: int) -> str:
    """Say it for people: the engine, the account, then a table each of streams, algorithms and traders."""
    from plugtui.cli.text import NONE, age, algo_status, count, table

    engine = picture.engine
    lines = [
        f"{engine.profile} ({engine.environment}{' ' + engine.account_number if engine.account_number else ''})"
        f"  gateway {engine.gateway_url}  pid {engine.pid}  up {age((now_ns - engine.started_ns) / 1e9)}",
        *_account_lines(picture.account, now_ns),
        f"{engine.clients} connections, {count(engine.deliveries)} messages delivered",
        "",
    ]
    rows = []
    for stream in picture.streams:
        heard = age((now_ns - stream.last_message_ns) / 1e9) if stream.last_message_ns else NONE
        lag = NONE if stream.lag_ms is None else f"{stream.lag_ms:.1f} ms"
        detail = stream.detail
        if stream.retry_at_ns is not None and stream.retry_at_ns > now_ns:
            detail += f"{'; ' if detail else ''}next attempt in {age((stream.retry_at_ns - now_ns) / 1e9 + 1)}"
        rows.append((stream.name, stream.state, lag, heard, count(stream.messages), stream.reconnects, detail))
    lines.append(table(("stream", "state", "lag", "heard", "messages", "reconnects", "detail"), rows, "llrrrrl"))
    if picture.algos:
        rows_of_algos = [
            (algo.name, algo_status(algo.status), count(algo.messages), algo.orders, algo.fills)
            for algo in picture.algos
        ]
        lines += ["", table(("algorithm", "status", "messages", "orders", "fills"), rows_of_algos, "llrrr")]
    if picture.traders:
        rows_of_traders = [(trader.name, trader.badge, trader.stream, trader.trades) for trader in picture.traders]
        lines += ["", table(("trader", "badge", "stream", "trades"), rows_of_traders, "lllr")]
    return "\n".join(lines)


def _account_lines(account: "AccountState | None", now_ns: int) -> list[str]:
    from plugtui.cli.text import age, money, percent

    if account is None:
        return ["account not read yet"]
    day = f"{money(account.day_pnl, True)} {percent(account.day_return)}"
    line = f"equity {money(account.equity)} {account.currency}  day {day}"
    if account.problem:
        old_s = (now_ns - account.as_of_ns) / 1e9
        line += f"  ({f'{age(old_s)} old: ' if old_s > _FRESH_S else ''}{account.problem})"
    return [line]

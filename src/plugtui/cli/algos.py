"""``plugtui algos``: keys of algorithms, and what is connected."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from plugtui.cli.options import json_option, paths_of, profile_option
from plugtui.paths import Paths

if TYPE_CHECKING:
    from plugtui.control.messages import AlgoState
    from plugtui.store.keys import AlgoKey, KeyStore

T = TypeVar("T")

_NONE_YET = "No algorithms yet: `plugtui algos add NAME` issues a key, `plugtui algos howto` says how to connect."


@click.group()
def algos() -> None:
    """Keys of algorithms, and what is connected.

    add, list, revoke, pause and resume also work while no engine runs.
    """


@algos.command("list")
@profile_option
@json_option
def list_algos(profile: str | None, as_json: bool) -> None:
    """List algorithms: connected ones and those with a key of their own."""
    paths = paths_of(profile)
    if not _engine_runs(paths):
        # Counters live in the engine: zeros would be taken for counted.
        _list_keys(_on_store(paths, _all_keys) if paths.ledger.exists() else [], as_json)
        return
    from plugtui.cli.link import snapshot

    states = snapshot(paths).algos
    if as_json:
        _echo_json([_builtins(state) for state in states])
    elif states:
        click.echo(_algo_table(states))
    else:
        click.echo(_NONE_YET)


def _list_keys(keys: list["AlgoKey"], as_json: bool) -> None:
    from plugtui.cli.text import algo_status, table

    if as_json:
        _echo_json([{"name": key.name, "status": _left(key), "issued": True} for key in keys])
    elif keys:
        click.echo(table(("name", "status"), [(key.name, algo_status(_left(key))) for key in keys]))
        click.echo("No engine runs: programs and counters are listed while one does.", err=True)
    else:
        click.echo(_NONE_YET)


@algos.command()
@click.argument("name")
@profile_option
@json_option
def add(name: str, profile: str | None, as_json: bool) -> None:
    """Issue a key pair to the algorithm NAME, and print it this once."""
    paths = paths_of(profile)
    if _engine_runs(paths):
        from plugtui.cli.link import command

        issued = command(paths, "algos.add", name=name)
        key_id, secret = issued["key_id"], issued["secret_key"]
    else:
        key, hidden = _on_store(paths, lambda store: store.add(name, time.time_ns()))
        key_id, secret = key.key_id, hidden.reveal()
    if as_json:
        _echo_json({"name": name, "key_id": key_id, "secret_key": secret})
        return
    click.echo(f"APCA_API_KEY_ID={key_id}\nAPCA_API_SECRET_KEY={secret}")
    click.echo(f"The secret of {name} is not kept and not shown again. How to connect: plugtui algos howto", err=True)


@algos.command()
@click.argument("name")
@profile_option
def revoke(name: str, profile: str | None) -> None:
    """Refuse the key of NAME from now on, and close its connections."""
    paths = paths_of(profile)
    if _engine_runs(paths):
        from plugtui.cli.link import command

        command(paths, "algos.revoke", name=name)
    else:
        _on_store(paths, lambda store: store.revoke(name, time.time_ns()))
    click.echo(f"The key of {name} is revoked.")


@algos.command()
@click.argument("name")
@click.option("--cancel-orders", is_flag=True, help="Cancel its open orders as well (needs a running engine).")
@profile_option
def pause(name: str, cancel_orders: bool, profile: str | None) -> None:
    """Refuse new orders of NAME until it is resumed; it keeps its data."""
    paths = paths_of(profile)
    if cancel_orders or _engine_runs(paths):
        from plugtui.cli.link import command

        done = command(paths, "algos.pause", name=name, cancel_orders=cancel_orders)
    else:
        _on_store(paths, lambda store: store.set_paused(name, True))
        done = {}
    canceled = f" Open orders that are being cancelled: {done['canceled']}." if cancel_orders else ""
    click.echo(f"{name} is paused: new orders of it are refused.{canceled}")


@algos.command()
@click.argument("name")
@profile_option
def resume(name: str, profile: str | None) -> None:
    """Let NAME send orders again."""
    paths = paths_of(profile)
    if _engine_runs(paths):
        from plugtui.cli.link import command

        command(paths, "algos.resume", name=name)
    else:
        _on_store(paths, lambda store: store.set_paused(name, False))
    click.echo(f"{name} may send orders again.")


@algos.command()
@click.option("--sdk", metavar="NAME", help="One SDK only, such as alpaca-py.")
@profile_option
@json_option
def howto(sdk: str | None, profile: str | None, as_json: bool) -> None:
    """Say per SDK the one setting that points it at the gateway."""
    from plugtui.control.howto import recipes

    url, feed = _gateway(paths_of(profile))
    found = [recipe for recipe in recipes(url, feed=feed) if sdk in (None, recipe.sdk)]
    if not found:
        names = ", ".join(recipe.sdk for recipe in recipes(url))
        raise click.BadParameter(f"{sdk!r} is not known; there are: {names}", param_hint="--sdk")
    if as_json:
        _echo_json([recipe._asdict() for recipe in found])
        return
    for recipe in found:
        code = "\n".join(f"    {line}" for line in recipe.code.splitlines())
        note = f"\n  {recipe.note}" if recipe.note else ""
        click.echo(f"{recipe.title} [{recipe.sdk}]\n  {recipe.setting}\n\n{code}\n{note}\n")


# ---------------------------------------------------------------- with and without an engine


def _engine_runs(paths: Paths) -> bool:
    from plugtui.engine.supervisor import running_engine

    return running_engine(paths) is not None


def _on_store(paths: Paths, work: Callable[["KeyStore"], Awaitable[T]]) -> T:
    """Work on the kept keys while no engine runs; the lock keeps one from starting meanwhile."""
    import asyncio

    from plugtui.engine.supervisor import hold_profile
    from plugtui.store.keys import KeyStore
    from plugtui.store.store import Store

    async def run() -> T:
        store = await Store.open(paths.ledger)
        try:
            keys = KeyStore(store)
            await keys.load()
            return await work(keys)
        finally:
            await store.aclose()

    with hold_profile(paths):
        return asyncio.run(run())


async def _all_keys(store: "KeyStore") -> list["AlgoKey"]:
    return store.all()


def _left(key: "AlgoKey") -> str:
    """Return the status of :class:`~plugtui.control.messages.AlgoState` without an engine."""
    if key.revoked:
        return "revoked"
    if key.paused:
        return "paused"
    return "new" if key.used_ns is None else "gone"


def _gateway(paths: Paths) -> tuple[str, str]:
    """Return address and feed: of the engine that runs, else of the one that would start."""
    import os

    from plugtui.config import load_settings
    from plugtui.engine.supervisor import running_engine

    settings = load_settings({}, os.environ, paths)
    info = running_engine(paths)
    return (info.url if info else f"http://{settings.gateway.host}:{settings.gateway.port}"), settings.upstream.feed


# ---------------------------------------------------------------- output


def _algo_table(states: list["AlgoState"]) -> str:
    from plugtui.cli.text import NONE, algo_status, count, money, table

    def row(state: "AlgoState") -> list[object]:
        program = f"{state.program} ({state.pid})" if state.program and state.pid else state.program or NONE
        pnl = state.realized_pnl + state.unrealized_pnl
        numbers = (
            count(state.messages),
            f"{state.rate:,.0f}",
            count(state.orders),
            count(state.fills),
            money(pnl, True),
        )
        return [state.name, algo_status(state.status), program, " ".join(state.streams) or NONE, *numbers]

    headers = ("name", "status", "program", "streams", "messages", "msg/s", "orders", "fills", "P&L")
    return table(headers, [row(state) for state in states], "llllrrrrr")


def _builtins(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)


def _echo_json(value: object) -> None:
    click.echo(json.dumps(value))

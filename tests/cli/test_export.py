"""The ledger as data."""

import asyncio
import csv
import io
import json

import pytest

from plugtui.cli.root import run
from plugtui.paths import Paths
from plugtui.store.store import Store
from tests.support import plugtui_command, process, run_plugtui

EXECUTION = (
    "INSERT INTO executions (execution_id, order_id, client_order_id, symbol, side, qty, price, cum_qty, position_qty,"
    " order_qty, time_ns, algo, source, recovered)"
    " VALUES (?, 'o1', 'c1', 'AAPL', 'buy', '0.1', '232.50', ?, ?, '1', ?, ?, 'stream', ?)"
)
ORDER = (
    "INSERT INTO orders (order_id, client_order_id, symbol, side, type, tif, qty, status, filled_qty, submitted_ns, updated_ns,"
    " algo, raw) VALUES ('o1', 'c1', 'AAPL', 'buy', 'market', 'day', '1', 'filled', '1', 1700000000000000001, 2, 'pairs', '{}')"
)


@pytest.fixture
async def ledger(isolated):
    store = await Store.open(Paths().ensure().ledger)
    await store.write(
        (EXECUTION, ("x2", "0.2", None, 1700000000000000002, "pairs", 1)),
        (EXECUTION, ("x1", "0.1", "0.1", 1700000000000000001, None, 0)),
        (ORDER, ()),
    )
    yield store
    await store.aclose()


async def test_fills_come_as_csv_the_oldest_first_while_the_ledger_is_open(ledger, capsys):
    assert run(["export", "fills"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["execution_id"] for row in rows] == ["x1", "x2"]
    assert rows[0]["time"] == "2023-11-14T22:13:20.000000001Z"
    assert (rows[0]["qty"], rows[0]["price"], rows[0]["algo"]) == ("0.1", "232.50", "")


async def test_fills_as_json_keep_exact_strings_and_truth_values(ledger, capsys):
    assert run(["export", "fills", "--json", "--algo", "pairs"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["execution_id"], row["qty"], row["recovered"], row["position_qty"]) == ("x2", "0.1", True, None)


async def test_orders_are_exported_too(ledger, capsys):
    assert run(["export", "orders", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["order_id"], row["status"], row["limit_price"]) == ("o1", "filled", None)


async def test_the_account_day_by_day_is_what_analyse_reads(ledger, capsys, monkeypatch):
    day = 86_400 * 10**9
    start = 1_704_150_000 * 10**9  # 2024-01-01 18:00 in New York
    for n, equity in enumerate(["1000.10", "1100", "1650.5"]):
        await ledger.write(("INSERT INTO equity_days VALUES (?, ?)", (start + n * day, equity)))
    await ledger.write(("INSERT INTO activities VALUES ('a1', 'CSD', '2024-01-03', '500', '')", ()))
    assert run(["export", "performance"]) == 0
    text = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["date"], row["equity"], row["flow"]) for row in rows] == [
        ("2024-01-01", "1000.1", "0"),
        ("2024-01-02", "1100", "0"),
        ("2024-01-03", "1650.5", "500"),
    ]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run(["analyse", "-", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["total_return"] == pytest.approx(float(rows[-1]["growth"]) - 1)
    assert (float(figures["pnl"]), float(figures["net_flow"])) == (150.4, 500)
    assert run(["export", "performance", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[2]["equity"] == "1650.5"


async def test_csv_without_rows_still_has_its_header(ledger, capsys):
    assert run(["export", "fills", "--algo", "nobody"]) == 0
    assert capsys.readouterr().out.startswith("time,symbol,side,qty,price,")


async def test_nothing_is_an_empty_array(ledger, capsys):
    assert run(["export", "fills", "--json", "--algo", "nobody"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_without_a_ledger_it_says_when_one_begins(capsys):
    assert run(["export", "fills"]) == 7
    assert "plugtui serve" in capsys.readouterr().err


async def test_a_reader_that_goes_away_is_no_error(ledger):
    await ledger.write(*((EXECUTION, (f"y{i}", f"{i}", None, i, "pairs", 0)) for i in range(1, 5000)))
    await asyncio.to_thread(read_one_line_of, "export", "fills")


def read_one_line_of(*arguments: str) -> None:
    with process(plugtui_command(*arguments)) as child:
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait(20) == 0


def test_both_forms_are_in_the_help():
    text = run_plugtui("export", "fills", "--help").stdout
    assert "--csv" in text
    assert "--json" in text

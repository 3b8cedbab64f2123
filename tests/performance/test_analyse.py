"""``plugtui analyse``: the same figures through the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from plugtui.cli.analyse import analyse
from plugtui.performance.figures import DEFINITIONS, figures
from plugtui.performance.files import Curve, read_table
from tests.performance.support import days_from
from tests.performance.test_known_answers import MIXED, WEEKLY
from tests.support import run_plugtui


def report(path: Path, text: str, *options: str) -> dict[str, Any]:
    path.write_text(text)
    result = CliRunner().invoke(analyse, [str(path), "--json", *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def series(returns: list[float]) -> str:
    rows = [f"{d},{'' if r != r else r}" for d, r in zip(days_from("2000-01-30", len(returns)), returns, strict=True)]
    return "date,return\n" + "\n".join(rows) + "\n"


def test_empyricals_daily_answers_hold_through_the_command_line(tmp_path: Path) -> None:
    found = report(tmp_path / "r.csv", series(MIXED))["figures"]
    assert found["max_drawdown"] == pytest.approx(-0.1, abs=1e-8)
    assert found["cagr"] == pytest.approx(1.9135925373194231, abs=1e-8)
    assert found["volatility"] == pytest.approx(0.9136465399704637, abs=1e-8)
    assert found["calmar"] == pytest.approx(19.135925373194233, abs=1e-8)
    assert found["sharpe"] == pytest.approx(1.7238613961706866, abs=1e-8)
    assert found["sortino"] == pytest.approx(2.605531251673693, abs=1e-8)


def test_empyricals_weekly_answers_hold_with_periods_given(tmp_path: Path) -> None:
    found = report(tmp_path / "r.csv", series(WEEKLY), "--periods", "52")["figures"]
    assert found["cagr"] == pytest.approx(0.24690830513998208, abs=1e-8)
    assert found["volatility"] == pytest.approx(0.38851569394870583, abs=1e-8)
    assert found["sortino"] == pytest.approx(1.115890105686644, abs=1e-8)


FILLS = {
    "a win": ([(2, 10), (-2, 15)], [("10", 0.5, True)]),
    "a loss, then short": ([(2, 10), (2, 15), (-9, 10)], [("-10", -0.2, True)]),
    "long, then short": ([(2, 10), (-4, 15), (3, 20)], [("10", 0.5, True), ("-10", -1 / 3, False)]),
}


@pytest.mark.parametrize("case", FILLS)
def test_pyfolios_round_trips_hold_through_the_command_line(tmp_path: Path, case: str) -> None:
    """pyfolio-reloaded, tests/test_round_trips.py."""
    fills, expected = FILLS[case]
    rows = [
        f"2016-01-0{i}T15:00:00Z,A,{'buy' if qty > 0 else 'sell'},{abs(qty)},{price}"
        for i, (qty, price) in enumerate(fills, start=1)
    ]
    found = report(tmp_path / "f.csv", "time,symbol,side,qty,price\n" + "\n".join(rows))
    assert [(t["pnl"], pytest.approx(t["return"]), t["long"]) for t in found["trips"]] == expected


def test_the_cfa_questions_modified_dietz_holds_through_the_command_line(tmp_path: Path) -> None:
    """Bloomberg Prep, CFA question bac110: flows within the month, equity at its ends only."""
    flows = {5: "-15.05", 9: "19.82", 15: "16.42", 24: "-18.96"}
    days = days_from("2024-01-01", 32)
    rows = [f"{days[0]},585.60,", *(f"{days[d]},,{flow}" for d, flow in flows.items()), f"{days[31]},602.34,"]
    found = report(tmp_path / "e.csv", "date,equity,flow\n" + "\n".join(rows))
    assert found["figures"]["total_return"] == pytest.approx(0.024541775196226186, abs=1e-9)


@pytest.mark.parametrize("step", [1, 7, 30])
def test_the_textbooks_time_weighted_return_holds_through_the_command_line(tmp_path: Path, step: int) -> None:
    """Journal of Accountancy: 100 → 150; +100 → 350; +100 → 270 grows by 26 %."""
    days = days_from("2024-01-01", 4 * step)[::step]
    rows = [f"{days[0]},100,", f"{days[1]},150,", f"{days[2]},350,100", f"{days[3]},270,100"]
    found = report(tmp_path / "e.csv", "date,equity,flow\n" + "\n".join(rows))
    assert found["figures"]["total_return"] == pytest.approx(0.26)


def test_pyfolios_drawdowns_hold_through_the_command_line(tmp_path: Path) -> None:
    """pyfolio-reloaded, tests/test_timeseries.py."""
    prices = [100, 110, 120, 150, 180, 200, 100, 120, 160, 180, 200, 300, 400, 500, 600, 800, 900, 1000, 650, 600]
    rows = [f"{day},{price}" for day, price in zip(days_from("2000-01-03", len(prices)), prices, strict=True)]
    first, second = report(tmp_path / "p.csv", "date,equity\n" + "\n".join(rows))["drawdowns"]
    assert (first["peak"], first["valley"], first["recovery"]) == ("2000-01-08", "2000-01-09", "2000-01-13")
    assert (second["peak"], second["valley"], second["recovery"]) == ("2000-01-20", "2000-01-22", None)
    assert (first["depth"], second["depth"]) == (pytest.approx(-0.5), pytest.approx(-0.4))


def test_fees_lower_the_profit_to_the_last_digit(tmp_path: Path) -> None:
    text = "time,symbol,side,qty,price,fee\n2024-01-02,A,buy,3,0.1,0.01\n2024-01-03,A,sell,3,0.3,0.02\n"
    found = report(tmp_path / "f.csv", text)
    assert found["figures"]["pnl"] == "0.57"
    assert found["figures"]["fees"] == "0.03"
    assert found["undefined"]["profit_factor"] == "no losses"


def test_a_curve_has_the_figures_of_the_dashboard(tmp_path: Path) -> None:
    rows = [f"{day},{1000 + (i * 37) % 91 + i}" for i, day in enumerate(days_from("2023-01-01", 300))]
    text = "date,equity\n" + "\n".join(rows)
    found = report(tmp_path / "e.csv", text)["figures"]
    curve = read_table(text.splitlines(), "e")
    assert isinstance(curve, Curve)
    shown = figures(curve)
    for name in ("total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "days"):
        assert found[name] == getattr(shown, name)
    assert found["pnl"] == f"{shown.pnl:f}".removesuffix(".00")


def test_deposits_and_withdrawals_are_no_return(tmp_path: Path) -> None:
    found = report(tmp_path / "e.csv", "date,equity,flow\n2024-01-01,100,\n2024-01-02,200,100\n2024-01-03,150,-50\n")
    assert found["figures"]["total_return"] == 0.0
    assert (found["figures"]["pnl"], found["figures"]["net_flow"]) == ("0", "50")
    assert found["undefined"]["sharpe"] == "the returns do not vary"


def test_weekly_dates_are_recognised(tmp_path: Path) -> None:
    rows = [f"{day},0.01" for day in days_from("2023-01-01", 70)[::7]]
    assert report(tmp_path / "w.csv", "date,return\n" + "\n".join(rows))["periods"] == 52


def test_the_text_names_each_figure_with_its_definition(tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text("date,equity,flow\n2024-01-01,100,\n2024-01-02,110,\n2024-02-02,88,\n2024-02-03,90,1\n")
    shown = CliRunner().invoke(analyse, [str(file)], catch_exceptions=False).output
    assert "Max drawdown" in shown and "-20.00%" in shown
    assert DEFINITIONS["max_drawdown"][len("Max drawdown: ") :][:30] in shown
    assert "undefined: needs 20 returns" in " ".join(shown.split())
    assert "from 2024-01-02 to 2024-02-02, not recovered" in shown
    assert "inf" not in shown.replace("information", "") and "nan" not in shown


def test_a_file_comes_from_stdin_too() -> None:
    shown = CliRunner().invoke(analyse, ["-", "--json"], input="date,return\n2024-01-01,0.5\n", catch_exceptions=False)
    assert json.loads(shown.stdout)["figures"]["total_return"] == 0.5


def test_a_bad_file_ends_with_an_error_and_nothing_on_stdout(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("date,equity\n2024-01-01,100\n2024-01-02,many\n")
    ended = run_plugtui("analyse", str(file), "--json")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == f'plugtui: {file}, line 3: equity was "many"\n  expected a number such as 10250.75\n'


def test_a_spacing_without_a_rule_asks_for_periods(tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    file.write_text("date,return\n" + "\n".join(f"{day},0.01" for day in days_from("2023-01-01", 365)[::91]))
    ended = run_plugtui("analyse", str(file))
    assert ended.returncode == 1
    assert "spacing was 91 days, expected days, weeks or months" in ended.stderr
    assert "--periods N" in ended.stderr
    assert run_plugtui("analyse", str(file), "--periods", "4").returncode == 0


def test_a_file_that_is_not_text_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(b"date,return\n2024-01-01,\xff\n")
    ended = run_plugtui("analyse", str(file))
    assert ended.returncode == 1
    assert "line 2: the byte 0xff" in ended.stderr


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    assert run_plugtui("analyse", str(tmp_path / "none.csv")).returncode == 2

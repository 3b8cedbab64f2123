"""What a CSV file may look like, and what is said about a bad one."""

from decimal import Decimal

import numpy as np
import pytest

from plugtui.performance.curve import Curve
from plugtui.performance.files import FileError, read_table
from plugtui.performance.returns import Returns, daily_returns


def lines_of(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def test_an_equity_curve_with_flows() -> None:
    curve = read_table(lines_of("date,equity,flow\n2024-01-01,1000,\n2024-01-02,1510,500\n2024-01-03,1410,-100\n"), "f")
    assert isinstance(curve, Curve)
    np.testing.assert_allclose(daily_returns(curve).values, [10 / 1500, 0.0], atol=1e-12)


def test_columns_in_any_order_with_others_among_them_and_a_byte_order_mark() -> None:
    curve = read_table(
        lines_of("\ufeffEquity, note ,DATE\r\n100,x,2024-01-01\r\n\r\n110,,2024-01-02T00:00:00+00:00\r\n"), "f"
    )
    assert isinstance(curve, Curve)
    assert daily_returns(curve).values[0] == pytest.approx(0.1)


def test_an_empty_equity_is_a_gap_whose_flow_counts_later() -> None:
    curve = read_table(lines_of("date,equity,flow\n2024-01-01,100,\n2024-01-02,,50\n2024-01-03,165,\n"), "f")
    assert isinstance(curve, Curve)
    assert daily_returns(curve).values[0] == pytest.approx(0.1)  # 150 from the start of the first day on


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "null"])
def test_a_return_series_may_have_periods_without_a_return(missing: str) -> None:
    returns = read_table(lines_of(f"date,return\n2024-01-01,{missing}\n2024-01-02,-0.5\n"), "f")
    assert isinstance(returns, Returns)
    np.testing.assert_array_equal(returns.values, [np.nan, -0.5])


def test_a_list_of_fills() -> None:
    text = (
        "time,symbol,side,qty,price,fee\n"
        "2024-01-02T09:30:00-05:00,aapl,BUY,0.5,180.123,0.01\n"
        "2024-01-02 14:30:01,AAPL,sell_short,1,9,\n"
    )
    fills = read_table(lines_of(text), "f")
    assert isinstance(fills, list)
    assert [(f.symbol, f.signed_qty, f.price, f.fee) for f in fills] == [
        ("AAPL", Decimal("0.5"), Decimal("180.123"), Decimal("0.01")),
        ("AAPL", Decimal(-1), Decimal(9), Decimal(0)),
    ]
    assert fills[1].time_ns - fills[0].time_ns == 10**9


@pytest.mark.parametrize(
    ("text", "line", "found", "expected"),
    [
        ("", 1, "the file has no header", "date,equity"),
        ("a,b\n1,2\n", 1, 'the header was "a,b"', "date,return"),
        ("date,equity,equity\n2024-01-01,1,2\n", 1, '"equity" stands twice', "each column once"),
        ("date,equity\n", 2, "no rows were there", "at least one"),
        ("date,equity\n2024-01-01,\n", 2, "no row has an equity", "at least one number"),
        ("date,equity\n2024-01-01,100\n2024-01-02,abc\n", 3, 'equity was "abc"', "a number such as 10250.75"),
        ("date,equity\n2024-01-01,100\n\n2024-01-02,inf\n", 4, 'equity was "inf"', "a number"),
        ("date,equity\n01/02/2024,100\n", 2, 'date was "01/02/2024"', "a date such as 2024-01-31"),
        ("date,equity\n2024-01-02,1\n2024-01-02,2\n", 3, 'date was "2024-01-02"', "a date after 2024-01-02"),
        ("date,equity\n2024-01-02,1\n2024-01-01,2\n", 3, 'date was "2024-01-01"', "the oldest first"),
        ("date,equity\n2024-01-02,1,5\n", 2, "3 values were there", "2: date,equity"),
        ("date,equity,flow\n2024-01-02,1,x\n", 2, 'flow was "x"', "a payment such as 500 or -250"),
        ("date,return\n2024-01-02,1.2%\n", 2, 'return was "1.2%"', "0.012 for 1.2 %"),
        ("date,return\n2024-01-02,-1.5\n", 2, 'return was "-1.5"', "-1 or more"),
        ("time,symbol,side,qty,price\n", 2, "no rows were there", "at least one"),
        ("time,symbol,side,qty,price\nnoon,A,buy,1,1\n", 2, 'time was "noon"', "a time such as"),
        ("time,symbol,side,qty,price\n2024-01-02,,buy,1,1\n", 2, 'symbol was ""', "a symbol"),
        ("time,symbol,side,qty,price\n2024-01-02,A,hold,1,1\n", 2, 'side was "hold"', "buy or sell"),
        ("time,symbol,side,qty,price\n2024-01-02,A,buy,-1,1\n", 2, 'qty was "-1"', "above 0"),
        ("time,symbol,side,qty,price\n2024-01-02,A,buy,1,-1\n", 2, 'price was "-1"', "0 or more"),
        (
            "time,symbol,side,qty,price\n2024-01-02,A,buy,1,1\n2024-01-01,A,sell,1,1\n",
            3,
            "time was",
            "oldest fill first",
        ),
    ],
)
def test_a_bad_file_is_told_with_line_found_and_expected(text: str, line: int, found: str, expected: str) -> None:
    with pytest.raises(FileError) as caught:
        read_table(lines_of(text), "my.csv")
    assert caught.value.title.startswith(f"my.csv, line {line}: ")
    assert found in caught.value.title
    assert expected in caught.value.hint

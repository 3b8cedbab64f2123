"""What a REST request is and where it goes."""

import pytest

from plugtui.engine.rest.routes import Kind, route


@pytest.mark.parametrize(
    "path",
    [
        "/v2/stocks/bars",
        "/v2/stocks/AAPL/trades/latest",
        "//v2/stocks/snapshots",
        "/v1beta1/options/snapshots/AAPL",
        "/v1beta1/news",
        "/v1beta1/screener/stocks/most-actives",
        "/v1beta3/crypto/us/latest/orderbooks",
        "/v1beta2/crypto/bars",
        "/v1/corporate-actions",
        "/v1/bars/minute",
        "/v1/last/stocks/AAPL",
    ],
)
def test_market_data_goes_to_the_data_host(path: str) -> None:
    found = route("GET", path)
    assert found is not None
    assert (found.host, found.kind) == ("data", Kind.OTHER)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/account",
        "/v2/account/activities/FILL",
        "/v2/orders",
        "/v2/positions",
        "/v2/assets/AAPL",
        "/v2/clock",
        "/v3/calendar/NYSE",
        "/v2/options/contracts",
        "/v1/account",
        "/v2/stockspot",
    ],
)
def test_everything_else_goes_to_the_trading_host(path: str) -> None:
    found = route("GET", path)
    assert found is not None
    assert (found.host, found.kind) == ("trading", Kind.OTHER)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/v2/orders", Kind.SUBMIT),
        ("POST", "//v2//orders/", Kind.SUBMIT),
        ("POST", "/v2/%6frders", Kind.SUBMIT),
        ("POST", "/v1/orders", Kind.SUBMIT),
        ("PATCH", "/v2/orders/61e69015", Kind.REPLACE),
        ("DELETE", "/v2/orders/61e69015", Kind.CANCEL),
        ("DELETE", "/v2/orders", Kind.CANCEL),
        ("DELETE", "/v2/positions", Kind.CLOSE),
        ("DELETE", "/v2/positions/AAPL", Kind.CLOSE),
        ("DELETE", "/v2/positions/BTC%2FUSD", Kind.CLOSE),
        ("POST", "/v2/positions/AAPL240119C00100000/exercise", Kind.TRADE),
        ("GET", "/v2/orders:by_client_order_id", Kind.OTHER),
        ("GET", "/v2/events/trades", Kind.EVENTS),
        ("GET", "/events/trades", Kind.EVENTS),
        ("GET", "/v2beta1/events/activities", Kind.EVENTS),
        ("DELETE", "/v2/watchlists/1/AAPL", Kind.OTHER),
        ("POST", "/v2/watchlists", Kind.OTHER),
    ],
)
def test_requests_that_trade_are_known(method: str, path: str, kind: Kind) -> None:
    found = route(method, path)
    assert found is not None
    assert (found.host, found.kind) == ("trading", kind)


@pytest.mark.parametrize(
    "path", ["/", "/favicon.ico", "/metricsx", "/v2/x/../orders", "/v2/%2e%2e/orders", "/video", "/v2x"]
)
def test_what_is_none_of_alpacas_goes_nowhere(path: str) -> None:
    assert route("POST", path) is None

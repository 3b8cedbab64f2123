"""What the simulated exchange trades: symbols with plausible prices, volatilities, spreads and sizes."""

from dataclasses import dataclass
from decimal import Decimal

from plugtui.sim.instruments import Instrument
from plugtui.wire.channels import Family

STOCK_DIGITS = 4
"""Stock prices are whole numbers of 1/10,000 dollar inside the market: cents for quotes, half cents for midpoint trades."""
STOCK_STEP = 100
CRYPTO_UNIT = 1_000_000_000
"""Crypto sizes are whole billionths inside the market, so that sums are exact."""

TEST_SYMBOL = "FAKEPACA"


@dataclass(frozen=True, slots=True)
class Profile:
    """How one instrument behaves."""

    instrument: Instrument
    family: Family
    price: float
    volatility: float
    """Annual standard deviation of returns."""
    beta: float
    """Sensitivity to the factor that all stocks, or all crypto pairs, share."""
    activity: float
    """Share of messages, relative to the others of its family."""
    spread_bps: float
    typical_size: float
    """Median size of a trade: shares, or units of the coin."""
    digits: int
    """Prices are whole multiples of 10^-digits."""
    step: int
    """Quotes move in steps of so many of those."""
    unit: int
    """Sizes are whole multiples of 1/unit."""

    @property
    def symbol(self) -> str:
        """Symbol of the instrument."""
        return self.instrument.symbol

    @property
    def scale(self) -> int:
        """Price multiples per dollar."""
        return int(10**self.digits)

    def decimal(self, price: int) -> Decimal:
        """Return a price in whole multiples as a Decimal, with cents where cents suffice."""
        if price % self.step == 0:
            return price // self.step * self.instrument.price_increment
        return Decimal(price).scaleb(-self.digits).normalize()


# symbol, name, exchange, tape, price, annual volatility, beta, activity, spread in basis points
_STOCKS = """
AAPL|Apple Inc. Common Stock|NASDAQ|C|232.50|0.27|1.15|9|0.6
MSFT|Microsoft Corporation Common Stock|NASDAQ|C|437.20|0.24|1.05|7|0.6
NVDA|NVIDIA Corporation Common Stock|NASDAQ|C|138.80|0.50|1.75|12|0.8
AMZN|Amazon.com, Inc. Common Stock|NASDAQ|C|219.40|0.31|1.25|8|0.7
GOOGL|Alphabet Inc. Class A Common Stock|NASDAQ|C|191.60|0.29|1.10|6|0.7
GOOG|Alphabet Inc. Class C Capital Stock|NASDAQ|C|193.00|0.29|1.10|4|0.8
META|Meta Platforms, Inc. Class A Common Stock|NASDAQ|C|604.10|0.35|1.30|5|1.0
TSLA|Tesla, Inc. Common Stock|NASDAQ|C|352.60|0.58|1.90|11|1.0
AVGO|Broadcom Inc. Common Stock|NASDAQ|C|222.30|0.42|1.45|4|1.2
NFLX|Netflix, Inc. Common Stock|NASDAQ|C|903.50|0.34|1.15|3|2.0
COST|Costco Wholesale Corporation Common Stock|NASDAQ|C|942.00|0.21|0.80|2|2.0
ADBE|Adobe Inc. Common Stock|NASDAQ|C|447.80|0.33|1.15|2|1.8
AMD|Advanced Micro Devices, Inc. Common Stock|NASDAQ|C|121.90|0.48|1.65|7|0.9
INTC|Intel Corporation Common Stock|NASDAQ|C|20.45|0.44|1.20|6|4.9
CSCO|Cisco Systems, Inc. Common Stock|NASDAQ|C|59.30|0.20|0.85|3|1.7
QCOM|QUALCOMM Incorporated Common Stock|NASDAQ|C|157.40|0.34|1.30|3|1.0
PEP|PepsiCo, Inc. Common Stock|NASDAQ|C|150.80|0.17|0.50|2|1.0
SBUX|Starbucks Corporation Common Stock|NASDAQ|C|92.70|0.26|0.90|2|1.2
PYPL|PayPal Holdings, Inc. Common Stock|NASDAQ|C|86.10|0.36|1.35|2|1.3
PLTR|Palantir Technologies Inc. Class A Common Stock|NASDAQ|C|71.80|0.62|1.85|8|1.5
COIN|Coinbase Global, Inc. Class A Common Stock|NASDAQ|C|264.90|0.75|2.30|4|3.0
QQQ|Invesco QQQ Trust, Series 1|NASDAQ|C|516.30|0.19|1.20|8|0.3
JPM|JPMorgan Chase & Co.|NYSE|A|243.20|0.23|1.05|4|0.8
BAC|Bank of America Corporation|NYSE|A|44.90|0.26|1.10|5|2.2
WFC|Wells Fargo & Company|NYSE|A|71.60|0.27|1.10|3|1.5
C|Citigroup Inc.|NYSE|A|71.10|0.28|1.20|3|1.5
GS|The Goldman Sachs Group, Inc.|NYSE|A|581.40|0.27|1.20|2|2.5
V|Visa Inc. Class A|NYSE|A|314.80|0.19|0.90|2|0.9
MA|Mastercard Incorporated Class A|NYSE|A|526.70|0.20|0.95|2|1.5
BRK.B|Berkshire Hathaway Inc. Class B|NYSE|A|463.50|0.16|0.75|2|1.2
XOM|Exxon Mobil Corporation|NYSE|A|107.60|0.24|0.75|3|0.9
CVX|Chevron Corporation|NYSE|A|146.20|0.23|0.75|2|1.0
KO|The Coca-Cola Company|NYSE|A|62.40|0.15|0.45|3|1.6
PG|The Procter & Gamble Company|NYSE|A|168.30|0.15|0.45|2|0.9
JNJ|Johnson & Johnson|NYSE|A|145.10|0.16|0.45|2|1.0
UNH|UnitedHealth Group Incorporated|NYSE|A|508.90|0.28|0.65|2|2.5
PFE|Pfizer Inc.|NYSE|A|26.50|0.25|0.65|4|3.8
MRK|Merck & Co., Inc.|NYSE|A|99.80|0.21|0.50|2|1.1
LLY|Eli Lilly and Company|NYSE|A|779.30|0.34|0.70|2|3.5
WMT|Walmart Inc.|NYSE|A|92.80|0.18|0.60|3|1.1
HD|The Home Depot, Inc.|NYSE|A|391.70|0.21|0.95|2|1.5
MCD|McDonald's Corporation|NYSE|A|291.50|0.17|0.60|2|1.2
DIS|The Walt Disney Company|NYSE|A|111.60|0.26|1.00|3|1.0
NKE|NIKE, Inc. Class B|NYSE|A|76.20|0.31|1.00|2|1.4
BA|The Boeing Company|NYSE|A|177.30|0.36|1.20|3|1.8
CAT|Caterpillar Inc.|NYSE|A|364.40|0.28|1.10|2|2.0
GE|GE Aerospace|NYSE|A|167.90|0.30|1.15|2|1.6
F|Ford Motor Company|NYSE|A|9.92|0.36|1.25|5|10
GM|General Motors Company|NYSE|A|51.80|0.34|1.25|2|2.0
T|AT&T Inc.|NYSE|A|22.70|0.21|0.60|4|4.4
UBER|Uber Technologies, Inc.|NYSE|A|60.30|0.40|1.35|3|1.7
IBM|International Business Machines Corporation|NYSE|A|219.80|0.22|0.80|2|1.4
SPY|SPDR S&P 500 ETF Trust|ARCA|B|591.20|0.16|1.00|14|0.2
IWM|iShares Russell 2000 ETF|ARCA|B|223.60|0.22|1.15|5|0.5
"""

# symbol, name, price, annual volatility, beta, activity, spread in basis points, typical size, price digits
_CRYPTO = """
BTC/USD|Bitcoin / US Dollar|97250.0|0.55|1.00|10|3|0.02|2
ETH/USD|Ethereum / US Dollar|3380.0|0.70|1.20|8|4|0.4|3
SOL/USD|Solana / US Dollar|204.0|0.90|1.40|5|6|6|3
LTC/USD|Litecoin / US Dollar|104.0|0.75|1.15|2|9|5|3
DOGE/USD|Dogecoin / US Dollar|0.3215|1.10|1.50|4|9|2500|5
AVAX/USD|Avalanche / US Dollar|37.50|0.95|1.40|2|10|20|3
LINK/USD|Chainlink / US Dollar|21.60|0.90|1.35|2|10|30|4
BCH/USD|Bitcoin Cash / US Dollar|455.0|0.80|1.20|2|10|1.5|3
UNI/USD|Uniswap / US Dollar|13.40|0.95|1.35|1|12|40|4
AAVE/USD|Aave / US Dollar|330.0|0.95|1.35|1|12|2|3
"""


def _stock(line: str) -> Profile:
    symbol, name, exchange, tape, price, volatility, beta, activity, spread = line.split("|")
    instrument = Instrument(
        symbol=symbol,
        name=name,
        exchange=exchange,
        asset_class="us_equity",
        tape=tape,
        price_increment=Decimal("0.01"),
        min_size=Decimal("0.000000001"),
        shortable=True,
        fractionable=True,
    )
    return Profile(
        instrument, Family.STOCK, float(price), float(volatility), float(beta), float(activity), float(spread),
        typical_size=60.0, digits=STOCK_DIGITS, step=STOCK_STEP, unit=1,
    )  # fmt: skip


def _pair(line: str) -> Profile:
    symbol, name, price, volatility, beta, activity, spread, size, digits = line.split("|")
    instrument = Instrument(
        symbol=symbol,
        name=name,
        exchange="CRYPTO",
        asset_class="crypto",
        tape="",
        price_increment=Decimal(1).scaleb(-int(digits)),
        min_size=Decimal("0.000000001"),
        shortable=False,
        fractionable=True,
    )
    return Profile(
        instrument, Family.CRYPTO, float(price), float(volatility), float(beta), float(activity), float(spread),
        typical_size=float(size), digits=int(digits), step=1, unit=CRYPTO_UNIT,
    )  # fmt: skip


def _test_symbol() -> Profile:
    instrument = Instrument(
        symbol=TEST_SYMBOL,
        name="Synthetic symbol of the test feed",
        exchange="NYSE",
        asset_class="us_equity",
        tape="A",
        price_increment=Decimal("0.01"),
        min_size=Decimal(1),
        shortable=False,
        fractionable=False,
    )
    return Profile(
        instrument, Family.TEST, 133.85, 0.60, 0.0, 3.0, 40.0,
        typical_size=5.0, digits=STOCK_DIGITS, step=STOCK_STEP, unit=1,
    )  # fmt: skip


def profiles() -> list[Profile]:
    """Return every instrument's profile: stocks, crypto pairs, and the test feed's ``FAKEPACA``."""
    stocks = [_stock(line) for line in _STOCKS.strip().splitlines()]
    return [*stocks, *(_pair(line) for line in _CRYPTO.strip().splitlines()), _test_symbol()]

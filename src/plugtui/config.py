"""Settings: what can be configured, and its defaults. Read with :func:`load_settings`."""

import msgspec


class GatewaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The port that algorithms connect to."""

    host: str = "127.0.0.1"
    port: int = 8765
    root_path_feed: str = ""
    """Endpoint served on ``/`` (protocol §5.1 leaves it open); empty: the stock feed."""
    replay_recovered: bool = True
    """Send executions that were recovered from REST to listening algorithms as ``trade_updates``."""


class UpstreamSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Alpaca is, and how it is spoken to."""

    trading_url: str = "https://paper-api.alpaca.markets"
    data_url: str = "https://data.alpaca.markets"
    stream_url: str = "wss://stream.data.alpaca.markets"
    feed: str = "iex"
    codec: str = "msgpack"
    connect_timeout_s: float = 10.0
    unsubscribe_delay_s: float = 10.0
    """How long a symbol that nobody wants any more stays subscribed upstream."""
    stale_after_s: float = 30.0
    reconnect_after_s: float = 60.0


class SlowClientSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a client that does not read is conflated, and when it is cut (row G10)."""

    soft_bytes: int = 1024 * 1024
    hard_bytes: int = 8 * 1024 * 1024
    stall_s: float = 5.0


class RestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """REST calls to the broker."""

    requests_per_minute: int = 200
    timeout_s: float = 10.0


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often the account is read, and how far back a recovery looks."""

    poll_s: float = 5.0
    history_poll_s: float = 60.0
    recovery_overlap_s: float = 300.0
    reconcile_s: float = 60.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of one profile. Flags win over environment, environment over file."""

    profile: str = "default"
    gateway: GatewaySettings = GatewaySettings()
    upstream: UpstreamSettings = UpstreamSettings()
    slow_client: SlowClientSettings = SlowClientSettings()
    rest: RestSettings = RestSettings()
    account: AccountSettings = AccountSettings()
    log_level: str = "INFO"

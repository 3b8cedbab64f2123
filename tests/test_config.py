"""Settings: where they come from, who wins, and what an error says."""

import pytest

from plugtui.config import Settings, keys, load_settings, refuse_own_gateway
from plugtui.errors import ConfigError
from plugtui.paths import Paths


@pytest.fixture
def paths(isolated):
    return Paths()


def write(paths: Paths, text: str) -> None:
    paths.config_file.parent.mkdir(parents=True, exist_ok=True)
    paths.config_file.write_text(text, encoding="utf-8")


def test_without_any_source_the_defaults_hold(paths):
    assert load_settings({}, {}, paths) == Settings()


def test_environment_wins_over_file_and_flags_win_over_environment(paths):
    write(paths, "log_level = 'debug'\n[gateway]\nport = 1001\nreplay_recovered = false\n[upstream]\nfeed = 'sip'\n")
    environ = {"PLUGTUI_GATEWAY_PORT": "1002", "PLUGTUI_UPSTREAM_FEED": "otc"}
    settings = load_settings({"gateway.port": 1003, "upstream.codec": None}, environ, paths)
    assert settings.log_level == "DEBUG"
    assert settings.gateway.replay_recovered is False
    assert settings.upstream.feed == "otc"
    assert settings.gateway.port == 1003


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.name)
def test_every_key_can_be_set_by_its_variable(paths, key):
    load_settings({}, {key.variable: str(key.default)}, paths)


def test_the_sdks_own_variables_set_the_hosts(paths):
    environ = {
        "APCA_API_BASE_URL": "https://api.alpaca.markets/v2/",
        "APCA_API_DATA_URL": "http://127.0.0.1:1",
        "APCA_API_STREAM_URL": "https://stream.example/",
    }
    upstream = load_settings({}, environ, paths).upstream
    assert upstream.trading_url == "https://api.alpaca.markets"
    assert upstream.data_url == "http://127.0.0.1:1"
    assert upstream.stream_url == "wss://stream.example"


def test_a_variable_of_plugtui_wins_over_the_sdks_own(paths):
    environ = {"APCA_API_BASE_URL": "https://a.example", "PLUGTUI_UPSTREAM_TRADING_URL": "https://b.example"}
    assert load_settings({}, environ, paths).upstream.trading_url == "https://b.example"


def test_a_profile_has_keys_of_its_own_in_the_file(isolated):
    text = "[gateway]\nport = 1\n[profiles.live.gateway]\nport = 2\n[profiles.live]\nlog_level = 'ERROR'\n"
    live, other = Paths("live"), Paths("paper")
    write(live, text)
    assert load_settings({}, {}, live).gateway.port == 2
    assert load_settings({}, {}, live).log_level == "ERROR"
    assert load_settings({}, {}, other).gateway.port == 1
    assert load_settings({}, {}, other).profile == "paper"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[gateway]\nport = 'http'\n", ["config.toml", "gateway.port", "'http'", "0 to 65535", "PLUGTUI_GATEWAY_PORT"]),
        ("[gateway]\nport = 70000\n", ["gateway.port", "70000"]),
        ("[gateway]\nport = true\n", ["gateway.port was true"]),
        ("[gateway]\nreplay_recovered = 'maybe'\n", ["expected true or false", "the default is true"]),
        ("[slow_client]\nsoft_bytes = 99999999999\n", ["99999999999", "below 1,000,000,000"]),
        ("[upstream]\ndata_url = 'http://127.0.0.1:99999'\n", ["upstream.data_url", "99999", "https://"]),
        ("[keys]\nzoom = 'y'\n", ["'keys.zoom'", "dashboard.toml"]),
        ("[gateway]\nprot = 1\n", ["'gateway.prot'", "nearest known one is gateway.port"]),
        ("[gateway]\nhost = '0.0.0.0'\n", ["gateway.host", "0.0.0.0", "this machine only"]),
        ("[upstream]\nfeed = 'nyse'\n", ["upstream.feed", "'nyse'", "'iex'"]),
        ("[upstream]\ntrading_url = 'paper'\n", ["upstream.trading_url", "https://"]),
        ("[rest]\ntimeout_s = -1\n", ["rest.timeout_s", "-1", "above 0"]),
        ("[profiles.live.gateway]\nprot = 1\n", ["profile live", "gateway.prot", "gateway.port"]),
        ("[slow_client]\nsoft_bytes = 9000000\n", ["slow_client.soft_bytes", "9000000", "8388608"]),
        ("[gateway\n", ["config.toml", "not valid TOML", "line 1"]),
        ("profiles = 3\n", ["profiles was 3"]),
    ],
)
def test_an_error_names_place_key_value_and_what_was_expected(paths, text, parts):
    write(paths, text)
    with pytest.raises(ConfigError) as caught:
        load_settings({}, {}, paths)
    for part in parts:
        assert part in str(caught.value)


def test_a_misspelt_variable_is_an_error_with_the_nearest_one(paths):
    with pytest.raises(ConfigError, match="PLUGTUI_GATEWAY_PORT"):
        load_settings({}, {"PLUGTUI_GATEWAY_PROT": "1"}, paths)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8765", "http://localhost:8765/v2", "http://[::1]:8765"])
@pytest.mark.parametrize("variable", ["APCA_API_BASE_URL", "APCA_API_DATA_URL", "APCA_API_STREAM_URL"])
def test_the_gateways_own_address_is_no_upstream(paths, variable, url):
    settings = load_settings({}, {variable: url}, paths)
    with pytest.raises(ConfigError, match=f"gateway's own address(.|\n)*{variable}"):
        refuse_own_gateway(settings)


def test_another_port_of_this_machine_may_be_the_upstream(paths):
    refuse_own_gateway(load_settings({}, {"APCA_API_BASE_URL": "http://127.0.0.1:8766"}, paths))
    refuse_own_gateway(load_settings({}, {}, paths))


def test_the_users_file_is_never_written(paths):
    text = "# mine\n[gateway]\nport = 'x' # odd\n"
    write(paths, text)
    with pytest.raises(ConfigError):
        load_settings({}, {}, paths)
    assert paths.config_file.read_text(encoding="utf-8") == text

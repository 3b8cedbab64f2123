"""The engine behind the dashboard, and the keys that the first start keeps."""

import os

import pytest

from plugtui.cli.dashboard import Host, check_keys, keep_address
from plugtui.config import load_settings
from plugtui.credentials import find_credentials
from plugtui.errors import ConfigError, PlugtuiError
from plugtui.paths import Paths
from plugtui.secrets import Secret
from plugtui.sim.server import SimSettings, Simulator
from plugtui.tui.options import Outcome
from plugtui.vault import Vault

LIVE = "https://api.alpaca.markets"


@pytest.fixture
def paths() -> Paths:
    return Paths().ensure()


def trading_url(paths: Paths) -> str:
    return load_settings({}, {}, paths).upstream.trading_url


def test_the_configured_address_writes_nothing(paths: Paths) -> None:
    keep_address(paths, trading_url(paths))
    assert not paths.config_file.exists()


def test_another_address_is_appended_and_the_rest_stays(paths: Paths) -> None:
    before = '# mine\nlog_level = "DEBUG"'
    paths.config_file.write_text(before)
    keep_address(paths, LIVE)
    assert paths.config_file.read_text().startswith(before)
    assert trading_url(paths) == LIVE
    assert load_settings({}, {}, paths).log_level == "DEBUG"


def test_a_section_of_the_profile_is_left_to_its_owner(paths: Paths) -> None:
    paths.config_file.write_text('[profiles.default.upstream]\nfeed = "sip"\n')
    with pytest.raises(ConfigError, match="another trading host"):
        keep_address(paths, LIVE)


async def test_keys_are_proved_and_then_kept(paths: Paths) -> None:
    async with Simulator(SimSettings(seed=5)) as exchange:
        account = exchange.accounts[0]
        with pytest.raises(PlugtuiError):
            await check_keys(paths, account.key_id, Secret("nonsense"), exchange.url)
        with pytest.raises(PlugtuiError, match="Both"):
            await check_keys(paths, "", account.secret, exchange.url)
        await check_keys(paths, account.key_id, account.secret, exchange.url)
    settings = load_settings({}, os.environ, paths)
    kept = await find_credentials(settings, {}, Vault(paths))
    assert (kept.key_id, kept.secret, kept.base_url) == (account.key_id, account.secret, exchange.url)


@pytest.mark.parametrize(
    ("outcome", "stops"),
    [(Outcome(stop_engine=True), False), (Outcome(stop_engine=True, asked=True), True), (Outcome(asked=True), False)],
)
def test_an_engine_that_ran_before_ends_only_when_the_reader_says_so(
    paths: Paths, outcome: Outcome, stops: bool
) -> None:
    assert Host(paths).must_stop(outcome) is stops

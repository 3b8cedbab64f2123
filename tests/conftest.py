"""Keep the developer's own machine out of the tests: configuration, keys, keyring and environment."""

import os
from pathlib import Path

import pytest

# Before any test module is imported: keyring chooses its backend once, at its first import.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

_FOREIGN_PREFIXES = ("APCA_", "PLUGTUI_", "ALPACA_", "POLYGON_", "DATA_PROXY_WS", "DATA_CRYPTO_PROXY_WS")


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point everything that plugtui keeps below a directory of this test, and return that directory."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN_PREFIXES):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("PLUGTUI_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home

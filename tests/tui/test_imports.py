"""The dashboard knows the control link and nothing else of the engine: proved at run time."""

import subprocess
import sys

FORBIDDEN = (
    "plugtui.engine", "plugtui.store", "plugtui.brokers", "plugtui.sim", "plugtui.traders", "plugtui.ledger",
    "plugtui.wire", "plugtui.hub", "aiohttp", "alpaca_trade_api", "pandas", "numpy", "aiosqlite", "plotext",
)  # fmt: skip
"""plotext may be used, but only from the first plot on: it costs the first paint a tenth of a second."""


def test_the_dashboard_is_imported_without_the_engine() -> None:
    code = (
        "import sys, pkgutil, importlib, plugtui.tui as package\n"
        "for found in pkgutil.walk_packages(package.__path__, 'plugtui.tui.'):\n"
        "    importlib.import_module(found.name)\n"
        "print('\\n'.join(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")
    found = [name for name in loaded if any(name == root or name.startswith(root + ".") for root in FORBIDDEN)]
    assert not found

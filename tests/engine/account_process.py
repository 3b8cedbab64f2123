"""An engine's account as a process of its own, to be killed: prints the newest fact's number now and then."""

import asyncio
import os
import sys
from pathlib import Path

from plugtui.brokers.port import Credentials
from plugtui.secrets import Secret
from tests.engine.account_kit import rig


async def main() -> None:
    """Run until killed."""
    keys = Credentials(os.environ["KEY_ID"], Secret(os.environ["SECRET"]), os.environ["URL"])
    async with rig(Path(sys.argv[1]), keys) as made:
        while True:
            print(made.facts.seq, flush=True)
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main())

"""First start: the keys are missing or were refused; and the token of an engine that has got another one."""

from collections.abc import Awaitable, Callable

from plugtui.errors import PlugtuiError
from plugtui.secrets import Secret
from plugtui.tui.options import PAPER_URL
from plugtui.tui.screens.base import Form


class KeysScreen(Form):
    """Ask for the brokerage keys; ``check`` proves and keeps them.

    Args:
        error: why they are asked for.
        check: called with key id, secret and address. Raises PlugtuiError.
        demo: called when the reader would rather look at the demo; ``None`` does not offer it.
        address: of the account, as it is configured.
    """

    def __init__(
        self,
        error: PlugtuiError,
        check: Callable[[str, Secret, str], Awaitable[None]],
        demo: Callable[[], None] | None,
        address: str = PAPER_URL,
    ) -> None:
        async def submit(fields: dict[str, str]) -> None:
            secret = Secret(fields.pop("secret_key"))
            await check(fields["key_id"], secret, fields["base_url"] or address)

        super().__init__(
            "Plug in your Alpaca account",
            [
                error.title,
                "",
                "Make a key pair on app.alpaca.markets (Home, API Keys).",
                "It is checked against the account, then kept in this system's",
                "keyring, or in a file that only you can read.",
                "",
            ],
            [
                ("key_id", "key id (APCA_API_KEY_ID)", "", False),
                ("secret_key", "secret key (APCA_API_SECRET_KEY)", "", True),
                ("base_url", "address: paper, or https://api.alpaca.markets for the live account", address, False),
            ],
            submit,
            verb="Check and keep",
            extra=("Show me the demo", demo) if demo else None,
        )


class TokenScreen(Form):
    """Ask for the engine's new token.

    Args:
        error: why it is asked for.
        take: called with the token.
    """

    def __init__(self, error: PlugtuiError, take: Callable[[Secret], None]) -> None:
        async def submit(fields: dict[str, str]) -> None:
            if not fields["token"]:
                raise PlugtuiError("nothing was given", error.hint)
            take(Secret(fields["token"]))

        super().__init__(
            "The engine has another token",
            [f"{error.title[:1].upper()}{error.title[1:]}.", error.hint, ""],
            [("token", "token", "", True)],
            submit,
            verb="Attach",
        )

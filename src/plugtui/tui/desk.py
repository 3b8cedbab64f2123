"""What the reader can tell the engine about algorithms and traders, with the questions that come before."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from plugtui.control.messages import AlgoState, TraderState
from plugtui.errors import PlugtuiError
from plugtui.secrets import Secret
from plugtui.tui.screens.base import Form, Question
from plugtui.tui.screens.howto import HowToScreen
from plugtui.tui.screens.start import KeysScreen

if TYPE_CHECKING:
    from plugtui.tui.app import Dashboard


class Desk:
    """Take the reader's decisions to the engine.

    Args:
        app: shows the questions and sends the commands.
    """

    def __init__(self, app: "Dashboard") -> None:
        self._app = app

    def _confirm(self, title: str, text: list[str], verb: str, then: Callable[[], None]) -> None:
        """Ask before something that cannot be taken back."""
        question = Question(title, text, [("no", "Cancel", "default"), ("yes", verb, "error")])
        self._app.push_screen(question, lambda answer: then() if answer == "yes" else None)

    def pause_or_resume(self, state: AlgoState) -> None:
        """Pause (after a question about its open orders) or resume an algorithm."""
        if state.status == "paused":
            self._app.ask("algos.resume", f"{state.name} may trade again", name=state.name)
            return
        question = Question(
            f"Pause {state.name}?",
            ["Its new orders are refused until it is resumed.", "It stays connected and receives data."],
            [
                ("no", "Cancel", "default"),
                ("pause", "Pause", "warning"),
                ("cancel", "Pause, cancel its orders", "error"),
            ],
        )

        def answered(answer: str | None) -> None:
            if answer in ("pause", "cancel"):
                self._app.ask(
                    "algos.pause", f"{state.name} is paused", name=state.name, cancel_orders=answer == "cancel"
                )

        self._app.push_screen(question, answered)

    def disconnect(self, state: AlgoState) -> None:
        """Close an algorithm's connections."""
        then = partial(self._app.ask, "algos.disconnect", f"{state.name} is disconnected", name=state.name)
        self._confirm(
            f"Disconnect {state.name}?", ["Its connections are closed; it may connect again."], "Disconnect", then
        )

    def revoke(self, state: AlgoState) -> None:
        """Make an algorithm's key void."""
        if not state.issued:
            self._app.notify(
                "It uses the account's own keys; d disconnects it.",
                title="There is no key to revoke",
                severity="warning",
            )
            return
        then = partial(self._app.ask, "algos.revoke", f"the key of {state.name} is void", name=state.name)
        self._confirm(
            f"Revoke the key of {state.name}?",
            ["It is disconnected and cannot sign in again with this key."],
            "Revoke",
            then,
        )

    def new_key(self) -> None:
        """Issue a key pair and show it once, ready to copy."""

        async def submit(fields: dict[str, str]) -> None:
            result = await self._app.command("algos.add", name=fields["name"])
            self._app.call_later(
                self._show_key, fields["name"], str(result["key_id"]), Secret(str(result["secret_key"]))
            )

        text = ["The algorithm signs in with it instead of the brokerage keys.", ""]
        self._app.push_screen(
            Form("Issue a key pair", text, [("name", "name of the algorithm", "", False)], submit, verb="Issue")
        )

    def _show_key(self, name: str, key_id: str, secret: Secret) -> None:
        engine = self._app.world.engine
        if engine:
            self._app.push_screen(HowToScreen(engine.gateway_url, engine.feed, name, key_id, secret))

    def follow(self, state: TraderState) -> None:
        """Follow a trader, or no longer."""
        verb, word = ("traders.unfollow", "no longer followed") if state.followed else ("traders.follow", "followed")
        self._app.ask(verb, f"{state.name} is {word}", name=state.name)

    def plug(self) -> None:
        """Plug in another account."""

        async def submit(fields: dict[str, str]) -> None:
            given = {key: value for key, value in fields.items() if value}
            await self._app.command("traders.plug", **given)

        text = [
            "Its trades and record are read with a key of that account.",
            "Use a read-only key where the broker offers one.",
            "",
        ]
        fields = [
            ("name", "name shown here", "", False),
            ("key_id", "key id", "", False),
            ("secret_key", "secret key", "", True),
            ("base_url", "address, when it is not the one of your own account", "", False),
        ]
        self._app.push_screen(Form("Plug in a trader", text, fields, submit, verb="Plug in"))

    def unplug(self, state: TraderState) -> None:
        """Forget a plugged account."""
        then = partial(self._app.ask, "traders.unplug", f"{state.name} is unplugged", name=state.name)
        self._confirm(f"Unplug {state.name}?", ["Its key is forgotten, its record leaves the board."], "Unplug", then)

    def stop_engine(self) -> None:
        """Stop the engine for everybody, after a question."""
        connected = self._app.world.algos.connected
        who = {0: "No algorithm is connected.", 1: "One algorithm is connected."}
        text = [who.get(connected, f"{connected} algorithms are connected."), "Other dashboards lose it too."]
        then = partial(self._app.ask, "stop", "the engine ends")
        self._confirm("Stop the engine?", text, "Stop it", then)

    def other_keys(self) -> None:
        """Ask for other brokerage keys, keep them, and start the engine anew with them."""
        options = self._app.options
        check, restart = options.check_keys, options.restart
        if check is None or restart is None:
            self._app.notify(
                "Enter them where the engine runs.", title="The keys are not kept here", severity="warning"
            )
            return
        if options.keys_from:
            self._app.notify(
                "Change them there, and start plugtui again.",
                title=f"The keys come from {options.keys_from}",
                severity="warning",
            )
            return
        reason = PlugtuiError("They replace those that are kept; the engine starts anew with them.")

        def given(answer: bool | None) -> None:
            if answer:
                self._app.run_worker(self._restart(restart))

        self._app.push_screen(KeysScreen(reason, check, None, options.address), given)

    async def _restart(self, restart: Callable[[], Awaitable[None]]) -> None:
        try:
            await restart()
        except PlugtuiError as error:
            self._app.notify(error.hint or "", title=error.title, severity="error", markup=False)
        self._app.follower.retry_now()

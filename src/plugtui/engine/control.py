"""The engine's side of the control link on ``/plugtui/control`` (messages: :mod:`plugtui.control.messages`).

Each dashboard has a place of its own in the numbered facts and in the states, and is served by a task of its own: one
that does not read holds up nobody. States are taken at most ten times a second, once for all dashboards, and only topics
that changed are sent. A dashboard that has fallen too far behind is disconnected with a reason; it dials again and
resumes after its last number.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from plugtui.control.messages import (
    PROTOCOL_VERSION,
    AccountState,
    AlgoState,
    Command,
    EngineState,
    FromEngine,
    Hello,
    Reply,
    Snapshot,
    States,
    StreamState,
    TraderState,
    decode_from_dashboard,
    encode,
    encode_facts,
)
from plugtui.engine.facts import FactLog
from plugtui.errors import ControlError, PlugtuiError
from plugtui.secrets import Secret
from plugtui.tasks import Tasks
from plugtui.traders.ranking import FORMULA

log = logging.getLogger(__name__)

PATH = "/plugtui/control"

STATES_EVERY_S = 0.1
FACTS_EVERY_S = 0.02
"""A fact that comes alone is sent at once; those that come within this time after it travel together."""
BATCH_FACTS = 500
BATCH_BYTES = 256 * 1024
"""Most facts, and about as many bytes, in one message."""
FRESH_FACTS = 500
"""Recent facts in the snapshot of a dashboard that starts."""
MAX_RESUMED = 5_000
"""Facts in the snapshot of one that resumes; when it missed more, the newest are sent and ``truncated`` is set."""
MAX_BEHIND = 10_000
"""Facts that a connected dashboard may be behind."""
STALL_S = 10.0
"""How long one message may take to be sent."""
HELLO_TIMEOUT_S = 10.0
MAX_COMMANDS = 16
"""Commands of one dashboard that run at the same time."""
MAX_REPLIES = 1_000
"""Replies that may wait to be read."""
_MAX_COMMAND_BYTES = 1024 * 1024
_HEARTBEAT_S = 20.0

Args = TypeVar("Args", bound=msgspec.Struct)


class StateSource(Protocol):
    """Where the conflated states come from; each call is cheap and returns new objects with what is true now."""

    def engine(self) -> EngineState:
        """Return who the engine is."""

    def streams(self) -> list[StreamState]:
        """Return the upstream connections."""

    def account(self) -> AccountState | None:
        """Return the account; ``None`` until it was read."""

    def algos(self) -> list[AlgoState]:
        """Return the algorithms."""

    def traders(self) -> list[TraderState]:
        """Return the plugged accounts."""


class NoArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command without arguments."""


class Commands:
    """The commands that dashboards may send, by name."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[type[msgspec.Struct], Callable[[Any], Awaitable[Any]]]] = {}

    def add(self, name: str, args: type[Args], handler: Callable[[Args], Awaitable[Any]]) -> None:
        """Offer a command.

        Args:
            name: as on the link, ``algos.add``.
            args: a struct with the arguments; give it ``forbid_unknown_fields=True``.
            handler: gets the struct; what it returns is the reply's result; a PlugtuiError becomes the reply's error and hint.
        """
        self._handlers[name] = (args, handler)

    @property
    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._handlers)

    async def run(self, command: Command) -> Any:
        """Run a command and return its result.

        Raises:
            ControlError: there is no such command, or its arguments are wrong.
            PlugtuiError: the handler refused.
        """
        if command.name not in self._handlers:
            raise ControlError(f"there is no command '{command.name}'", f"There are: {', '.join(self.names)}.")
        args_type, handler = self._handlers[command.name]
        try:
            args = msgspec.convert(command.args, args_type)
        except msgspec.ValidationError as error:
            expected = ", ".join(_field_words(field) for field in msgspec.structs.fields(args_type)) or "none"
            raise ControlError(f"{command.name}: {error}", f"Arguments: {expected}.") from error
        return await handler(args)


def _field_words(field: msgspec.structs.FieldInfo) -> str:
    return field.encode_name if field.required else f"[{field.encode_name}]"


class StateCache:
    """The newest states with a number for each topic, taken once for all dashboards."""

    TOPICS = ("engine", "streams", "account", "algos", "traders")

    def __init__(self, source: StateSource) -> None:
        self._source = source
        self._values: dict[str, Any] = {}
        self._numbers: dict[str, int] = dict.fromkeys(self.TOPICS, 0)

    def refresh(self) -> None:
        """Take the states; the number of each topic that changed rises."""
        for topic in self.TOPICS:
            value = getattr(self._source, topic)()
            if topic not in self._values or value != self._values[topic]:
                self._values[topic] = value
                self._numbers[topic] += 1

    def value(self, topic: str) -> Any:
        """Return the newest value of a topic."""
        return self._values[topic]

    def numbers(self) -> dict[str, int]:
        """Return the number of each topic."""
        return dict(self._numbers)

    def changed_since(self, numbers: dict[str, int]) -> States | None:
        """Return the topics that changed since ``numbers`` and bring ``numbers`` up to date; ``None`` when nothing did."""
        changed = {topic: self._values[topic] for topic in self.TOPICS if numbers[topic] != self._numbers[topic]}
        numbers.update(self._numbers)
        changed = {topic: value for topic, value in changed.items() if value is not None}
        return States(**changed) if changed else None


class Dashboard:
    """One connected dashboard."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self.socket = socket
        self.address = request.remote or ""
        self._transport = request.transport
        self.seq = 0
        """Number of the last fact sent."""
        self.numbers: dict[str, int] = {}
        self.wants_states = True
        self.replies: deque[Reply] = deque()
        self.wake = asyncio.Event()
        self.running = 0

    async def send(self, message: FromEngine) -> None:
        """Send one message.

        Raises:
            TimeoutError: the dashboard does not read.
            ConnectionError: it is gone.
        """
        await self.send_encoded(encode(message))

    async def send_encoded(self, message: bytes) -> None:
        """Send one message that is encoded already. Raises TimeoutError, ConnectionError."""
        async with asyncio.timeout(STALL_S):
            await self.socket.send_str(message.decode())

    async def end(self, code: int, reason: str) -> None:
        """Close the link; a dashboard that does not read is cut off."""
        log.info("dashboard at %s closed: %s", self.address, reason)
        try:
            async with asyncio.timeout(1.0):
                await self.socket.close(code=code, message=reason.encode())
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Cut the connection without a word."""
        if self._transport is not None:
            self._transport.abort()


class ControlServer:
    """Serve dashboards; add :meth:`handle` on :data:`PATH` and run :meth:`run` in a task.

    Args:
        token: what a dashboard must present.
        source: the states.
        facts: the numbered facts.
        commands: what may be asked.
    """

    def __init__(self, token: Secret, source: StateSource, facts: FactLog, commands: Commands) -> None:
        self._token = token
        self._facts = facts
        self._commands = commands
        self._states = StateCache(source)
        self._dashboards: set[Dashboard] = set()
        self._tasks = Tasks()
        self._closing = False

    @property
    def dashboards(self) -> int:
        """How many are connected."""
        return len(self._dashboards)

    async def run(self) -> None:
        """Take the states ten times a second while somebody looks, until cancelled."""
        while True:
            await asyncio.sleep(STATES_EVERY_S)
            if self._dashboards:
                self._states.refresh()
                for dashboard in self._dashboards:
                    dashboard.wake.set()

    async def aclose(self) -> None:
        """Close all links: the engine ends."""
        self._closing = True
        await asyncio.gather(*(one.end(WSCloseCode.GOING_AWAY, "the engine ends") for one in list(self._dashboards)))
        await self._tasks.aclose()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one dashboard from its upgrade to its end."""
        if self._closing:
            return web.json_response({"message": "the engine ends"}, status=503)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._token.matches(token.strip()):
            return web.json_response(
                {"message": "wrong or missing token", "hint": "The token lies in the profile's engine.json."},
                status=401,
            )
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=_MAX_COMMAND_BYTES, compress=False)
        await socket.prepare(request)
        dashboard = Dashboard(socket, request)
        hello = await self._hello(dashboard)
        if hello is None:
            return socket
        sender = self._tasks.start(self._serve(dashboard, hello), "control-sender")
        try:
            await self._read(dashboard)
        finally:
            self._dashboards.discard(dashboard)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
        return socket

    async def _hello(self, dashboard: Dashboard) -> Hello | None:
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                message = await dashboard.socket.receive()
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                hello = decode_from_dashboard(message.data)
                if isinstance(hello, Hello):
                    return hello
            problem = "the first message was no hello"
        except TimeoutError:
            problem = f"no hello within {HELLO_TIMEOUT_S:.0f} s"
        except msgspec.DecodeError as error:
            problem = f"the hello could not be read: {error}"[:120]
        await dashboard.end(WSCloseCode.PROTOCOL_ERROR, problem)
        return None

    # ---------------------------------------------------------------- sending

    async def _serve(self, dashboard: Dashboard, hello: Hello) -> None:
        """Send the snapshot, then everything else in turn, until the link ends."""
        follower: asyncio.Task[None] | None = None
        try:
            await dashboard.send(await self._snapshot(dashboard, hello))
            self._dashboards.add(dashboard)
            if hello.states:
                log.info("dashboard at %s connected", dashboard.address)
            follower = self._tasks.start(self._wake_on_facts(dashboard), "control-facts")
            while not dashboard.socket.closed:
                await dashboard.wake.wait()
                dashboard.wake.clear()
                await self._send_news(dashboard)
        except TimeoutError:
            log.warning("dashboard at %s did not read for %.0f s: cut off", dashboard.address, STALL_S)
            dashboard.abort()
        except (ConnectionError, RuntimeError) as error:
            # aiohttp raises RuntimeError for a socket that is closing
            log.debug("dashboard at %s is gone: %s", dashboard.address, error)
        except PlugtuiError as error:
            await dashboard.end(WSCloseCode.INTERNAL_ERROR, error.title[:120])
        finally:
            self._dashboards.discard(dashboard)
            if follower:
                follower.cancel()

    async def _wake_on_facts(self, dashboard: Dashboard) -> None:
        seen = dashboard.seq
        while not self._facts.closed:
            await self._facts.wait_beyond(seen)
            seen = self._facts.seq
            dashboard.wake.set()
            # A message costs both sides more than a fact: what comes thick is joined.
            await asyncio.sleep(FACTS_EVERY_S)

    async def _send_news(self, dashboard: Dashboard) -> None:
        while dashboard.replies:
            await dashboard.send(dashboard.replies.popleft())
        behind = self._facts.seq - dashboard.seq
        if behind > MAX_BEHIND:
            await dashboard.end(WSCloseCode.TRY_AGAIN_LATER, f"{behind} facts behind: connect again to resume")
            return
        while facts := await self._facts.since(dashboard.seq, BATCH_FACTS):
            message, count = encode_facts(facts, BATCH_BYTES)
            await dashboard.send_encoded(message)
            dashboard.seq = facts[count - 1].seq
            if dashboard.replies:
                dashboard.wake.set()
                break
        if dashboard.wants_states and (states := self._states.changed_since(dashboard.numbers)):
            await dashboard.send(states)

    async def _snapshot(self, dashboard: Dashboard, hello: Hello) -> Snapshot:
        self._states.refresh()
        dashboard.wants_states = hello.states
        dashboard.numbers = self._states.numbers()
        newest = self._facts.seq
        resume = hello.resume
        # a number from the future belongs to another engine's ledger: start anew
        resumes = resume is not None and resume <= newest
        first = max(0, newest - FRESH_FACTS) if resume is None or not resumes else max(resume, newest - MAX_RESUMED)
        facts = await self._facts.since(first, max(1, newest - first)) if newest > first else []
        complete = resumes and resume == first and (not facts or facts[0].seq == first + 1)
        dashboard.seq = facts[-1].seq if facts else newest
        return Snapshot(
            version=PROTOCOL_VERSION,
            seq=dashboard.seq,
            engine=self._states.value("engine"),
            streams=self._states.value("streams"),
            account=self._states.value("account"),
            algos=self._states.value("algos"),
            traders=self._states.value("traders"),
            facts=facts,
            truncated=resume is not None and not complete,
            formula=FORMULA,
        )

    # ---------------------------------------------------------------- receiving

    async def _read(self, dashboard: Dashboard) -> None:
        async for message in dashboard.socket:
            if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
                continue
            try:
                command = decode_from_dashboard(message.data)
            except msgspec.DecodeError as error:
                await dashboard.end(WSCloseCode.INVALID_TEXT, f"a message could not be read: {error}"[:120])
                return
            if isinstance(command, Hello):
                continue
            if len(dashboard.replies) >= MAX_REPLIES:
                await dashboard.end(WSCloseCode.POLICY_VIOLATION, "commands without end, and no reply is read")
                return
            if dashboard.running >= MAX_COMMANDS:
                self._reply(dashboard, Reply(id=command.id, ok=False, error="too many commands at once"))
                continue
            dashboard.running += 1
            self._tasks.start(self._execute(dashboard, command), f"command {command.name}"[:60])

    async def _execute(self, dashboard: Dashboard, command: Command) -> None:
        reply = Reply(
            id=command.id, ok=False, error=f"{command.name} failed inside the engine", hint="The engine's log says why."
        )
        try:
            reply = Reply(id=command.id, ok=True, result=await self._commands.run(command))
        except PlugtuiError as error:
            reply = Reply(id=command.id, ok=False, error=error.title, hint=error.hint)
        finally:
            dashboard.running -= 1
            self._reply(dashboard, reply)

    def _reply(self, dashboard: Dashboard, reply: Reply) -> None:
        dashboard.replies.append(reply)
        dashboard.wake.set()

"""The whole stack as child processes (Kafka, mongod, the mailbox and the three services), kept up until a signal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console

from deploy.local.keys import AUDIENCE, ISSUER, Keys
from deploy.local.ports import demand_free, remembered_ports
from deploy.local.process import Child, together, until_ready
from deploy.local.servers import Servers
from deploy.local.settings import OPERATORS_HOST, SERVICES, StackConfig, StackSettings, write_whole
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.settings import CommonSettings
from shared.contracts import topics
from shared.runtime.clock import SystemClock
from shared.runtime.errors import PermanentError

_STOP_WITHIN_S: Final = 8.0
"""A service finishes its open requests within 5 s."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_NOTIFIER_FILES: Final = Path(__file__).parent / "notifier"


@dataclass(frozen=True, slots=True)
class Part:
    """One process; it is ready when `GET /health/ready` answers 200 where its operators ask.

    `officials`: a file of officials for it to load once all are ready.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    officials: Path | None = None


Parts = Callable[[StackConfig], Sequence[Part]]
"""Makes the services' processes; a test may give stand-ins."""


def services(config: StackConfig) -> Sequence[Part]:
    """Return the three services, one replica each."""
    own = {
        "registry": {"REGISTRY_IDENTITY_KEY_FILE": str(config.home.keys / "identity.key")},
        "coverage": {
            "COVERAGE_PUBLIC_URL": config.url("coverage"),
            "COVERAGE_NOTIFIER_URL": config.url("notifier"),
            # Whoever opens the sign-in page may take one.
            **({"COVERAGE_READY_TOKENS": str(config.home.tokens)} if config.host in _LOOPBACK else {}),
        },
        "notifier": {
            "NOTIFIER_SMTP_HOST": config.host,
            "NOTIFIER_SMTP_PORT": str(config.ports["smtp"]),
            "NOTIFIER_SMTP_TLS": "none",
            "NOTIFIER_SMTP_SENDER": "Cakupan <cakupan@cakupan.local>",
            "NOTIFIER_RULES": str(_NOTIFIER_FILES / "rules.yaml"),
            "NOTIFIER_ACK_KEY_FILE": str(config.home.keys / "ack-links.key"),
            "NOTIFIER_PUBLIC_URL": config.url("notifier"),
            "NOTIFIER_PAGES_URL": config.url("coverage"),
        },
    }
    officials = {"notifier": _NOTIFIER_FILES / "officials.yaml"}
    return [_service(name, config, environment, officials.get(name)) for name, environment in own.items()]


class LocalStack:
    """Start and stop it as a whole; kill and restart single processes by name."""

    def __init__(self, settings: StackSettings, services: Parts = services) -> None:
        """Prepare; `services` makes the processes that stand between Kafka and the mailbox."""
        self._settings = settings
        self._make_services = services
        self._servers = Servers(settings)
        self._running: dict[str, Child] = {}
        self._config: StackConfig | None = None

    @property
    def config(self) -> StackConfig:
        """Where the parts are; known once started."""
        assert self._config is not None, "the stack has not been started"
        return self._config

    async def start(self) -> None:
        """Return once every process is ready.

        1. Folders, ports and keys. 2. Kafka and mongod. 3. Topics. 4. The mailbox. 5. The services. 6. The officials.
        After a failure in any step, `stop` ends what had been started.
        Raises: PermanentError or TransientError, one line, naming the part and what to do.
        """
        settings, servers = self._settings, self._servers
        settings.home.make()
        ports = self._choose_ports()
        Keys(settings.home).write_tokens(SystemClock().now())
        await servers.start()
        self._config = config = StackConfig(
            settings.home, settings.host, ports, servers.kafka, servers.mongodb_uri, settings.namespace
        )
        databases = CommonSettings(namespace=config.namespace)
        for name in SERVICES:
            uri = await servers.mongodb_uri_of(name, databases.database(name))
            write_whole(settings.home.mongodb_uri(name), uri)
        await ensure_topics(config.kafka, [topic.under(config.namespace) for topic in topics.ALL])
        await self._launch(_mailbox(config))
        parts = self._make_services(config)
        await self._launch(*parts)
        for part in parts:
            if part.officials is not None:
                await _load_officials(config, part.officials)

    async def stop(self) -> None:
        """End everything in reverse order, within a bounded time."""
        await together(*(child.stop(_STOP_WITHIN_S) for name, child in self._running.items() if name != "mailbox"))
        await together(*(child.stop(_STOP_WITHIN_S) for child in self._running.values()))
        await self._servers.stop()
        self._running.clear()

    def pid(self, name: str) -> int | None:
        """Return the id of one process while it runs."""
        return self._running[name].pid

    async def kill(self, name: str) -> None:
        """End one process at once (SIGKILL); it stays away until `restart`."""
        await self._running[name].kill()

    async def restart(self, name: str) -> None:
        """Return once this one process has been ended, if it still ran, started anew, and is ready."""
        await self._running[name].stop(_STOP_WITHIN_S)
        await self._start(self._running[name])

    async def watch(self) -> None:
        """Check the processes until one ends that nobody asked to.

        Raises: PermanentError with its name, exit code, last words and log.
        """
        while True:
            for child in [*self._servers.children, *self._running.values()]:
                child.check()
            await asyncio.sleep(0.2)

    def _choose_ports(self) -> dict[str, int]:
        wanted = self._settings.ports
        ports = {name: port for name, port in wanted.items() if port}
        for name, port in ports.items():
            self._demand_free(name, port)
        return ports | remembered_ports(self._settings.home.ports, [name for name in wanted if name not in ports])

    def _demand_free(self, name: str, port: int) -> None:
        variable = "MAILBOX_SMTP_PORT" if name == "smtp" else f"{name.upper()}_PORT"
        demand_free(name, port, variable, OPERATORS_HOST if name.endswith("_operators") else self._settings.host)

    async def _launch(self, *parts: Part) -> None:
        """Return once all of these are ready; they start side by side."""
        log = self.config.home.log
        children = {part.name: Child(part.name, part.command, log(part.name), part.environment) for part in parts}
        self._running |= children
        await together(*map(self._start, children.values()))

    async def _start(self, child: Child) -> None:
        # Checked again, as fetching Kafka takes a while: a stranger there would answer for our process.
        for name in (child.name, f"{child.name}_operators"):
            if name in self.config.ports:
                self._demand_free(name, self.config.ports[name])
        await child.start()
        await until_ready(child, self.config.operators_url(child.name))


Work = Callable[[LocalStack], Coroutine[Any, Any, None]]


async def keep_up(stack: LocalStack, console: Console, then: Work | None = None) -> None:
    """Start the stack, do the work given as `then`, and return after SIGINT, SIGTERM or SIGHUP, when all has ended.

    Raises: PermanentError or TransientError when a part cannot start or ends by itself, after all else was stopped.
    """
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(_work(stack, console, then))
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # While everything is being stopped the work has ended already, and a second signal changes nothing.
        loop.add_signal_handler(ending, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        say(console, "Stopping.")
    finally:
        await stack.stop()
    say(console, "Everything has stopped.")


def say(console: Console, line: str) -> None:
    """Print one line as it is: not wrapped, no markup, no colour."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


async def _work(stack: LocalStack, console: Console, then: Work | None) -> None:
    say(console, "Starting Kafka, MongoDB, the mailbox and the services.")
    await stack.start()
    _say_ready(stack.config, console)
    say(console, "Ctrl-C stops everything.")
    await together(stack.watch(), *([then(stack)] if then else []))


def _say_ready(config: StackConfig, console: Console) -> None:
    """Say where everything is."""
    for name in SERVICES:
        url, metrics = config.url(name), f"{config.operators_url(name)}/metrics"
        say(console, f"{name}  {url}  {url}/docs  metrics {metrics}  ready")
    pages = config.url("coverage")
    say(console, f"Pages: {pages}  sign in at {pages}/masuk: choose a sample account there, no password")
    say(console, f"mailbox  {config.url('mailbox')}  ready")
    say(console, f"Kafka: {config.kafka}")
    say(console, f"MongoDB: {config.mongodb_uri.rpartition('@')[2]}  users' URIs {config.home.keys}/*-mongodb.uri")
    say(console, f"Mail server: {config.host}:{config.ports['smtp']}")
    say(console, f"Tokens: {config.home.tokens}/*.jwt")
    say(console, f"Mailbox: {config.home.mailbox}/*.eml")
    say(console, f"Logs: {config.home.logs}/*.log")


async def _load_officials(config: StackConfig, file: Path) -> None:
    """Put the officials of the file in force. Raises: PermanentError with the report of what is wrong."""
    headers = {"authorization": f"Bearer {config.home.token('operator')}", "content-type": "application/yaml"}
    content = await asyncio.to_thread(file.read_bytes)
    # The operators' listener, which says that the service is ready, is open a moment before the other.
    retrying = httpx.AsyncHTTPTransport(retries=5)
    async with httpx.AsyncClient(timeout=30, headers=headers, transport=retrying) as http:
        answer = await http.put(f"{config.url('notifier')}/v1/officials", content=content)
    if answer.is_error:
        raise PermanentError(f"{file} is refused: {answer.text}")


def _mailbox(config: StackConfig) -> Part:
    environment = {
        "MAILBOX_FOLDER": str(config.home.mailbox),
        "MAILBOX_HOST": config.host,
        "MAILBOX_PORT": str(config.ports["mailbox"]),
        "MAILBOX_SMTP_PORT": str(config.ports["smtp"]),
    }
    return Part("mailbox", (sys.executable, "-m", "deploy.local.mailbox"), environment)


def _service(name: str, config: StackConfig, own: Mapping[str, str], officials: Path | None) -> Part:
    environment = {
        "CAKUPAN_KAFKA_BOOTSTRAP": config.kafka.bootstrap,
        "CAKUPAN_MONGODB_URI_FILE": str(config.home.mongodb_uri(name)),
        "CAKUPAN_NAMESPACE": config.namespace,
        "CAKUPAN_JWKS": str(config.home.keys / "jwks.json"),
        "CAKUPAN_TOKEN_ISSUER": ISSUER,
        "CAKUPAN_TOKEN_AUDIENCE": AUDIENCE,
        "CAKUPAN_INSTANCE": f"{name}-0",
        "CAKUPAN_HOST": config.host,
        "CAKUPAN_OPERATORS_HOST": OPERATORS_HOST,
        f"{name.upper()}_PORT": str(config.ports[name]),
        f"{name.upper()}_OPERATORS_PORT": str(config.ports[f"{name}_operators"]),
    }
    program = Path(sys.executable).parent / f"cakupan-{name}"
    return Part(name, (str(program), "serve"), {**environment, **own}, officials)

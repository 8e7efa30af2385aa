"""E-mail over real SMTP: TLS, login, kept connections, and every way in which a server may refuse."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from pathlib import Path
from typing import Any, Literal

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from services.notifier.delivery.channels.email import MailServer, SmtpChannel
from shared.runtime.errors import PermanentError, TransientError
from tests.certificates import Authority
from tests.fakes_deliveries import MESSAGE, delivery

SENDER = "Cakupan <cakupan@cakupan.example.id>"


@dataclass
class Post:
    """A mail server. `answers`: of the next commands by name, then 250; `drop`: ends the connection instead."""

    raw: list[bytes] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    sessions: list[SMTP] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's own name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer, and take the recipient."""
        answer = self._answer("RCPT", server)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer, and keep the mail."""
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.secured.append(session.ssl is not None)
        return self._answer("DATA", server)

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Know one password."""
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"rahasia", handled=False)

    def _answer(self, command: str, server: SMTP) -> str:
        answer = self.answers[command].pop(0) if self.answers.get(command) else "250 OK"
        if answer == "drop":
            transport: Any = server.transport
            transport.abort()
        return answer

    @property
    def ids(self) -> list[str]:
        """The Message-IDs of all that came, in order."""
        return [message_from_bytes(each)["Message-ID"] for each in self.raw]


class World:
    """A mail server with a certificate, and a channel to it."""

    def __init__(self, folder: Path) -> None:
        authority = Authority("mail")
        self.authorities = authority.write(folder / "ca.pem")
        self.others = Authority("another").write(folder / "other.pem")
        self.keystore = authority.write_keystore(folder / "server.pem")
        self.password = folder / "password"
        self.password.write_text("rahasia\n")
        self.post = Post()

    @asynccontextmanager
    async def serving(
        self, tls: Literal["starttls", "implicit", "none"], keystore: Path | None = None, login: bool = False
    ) -> AsyncIterator[None]:
        """Serve on a free port."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keystore or self.keystore)

        def session() -> SMTP:
            after: dict[str, Any] = {"tls_context": context, "require_starttls": True} if tls == "starttls" else {}
            login_by: dict[str, Any] = {"authenticator": self.post.login, "auth_required": True} if login else {}
            one = SMTP(self.post, **after, **login_by)
            self.post.sessions.append(one)
            return one

        server = await asyncio.get_running_loop().create_server(
            session, "127.0.0.1", self.post.port, ssl=context if tls == "implicit" else None
        )
        self.post.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    def channel(self, **over: Any) -> SmtpChannel:
        """Return a channel to the server."""
        server = MailServer("127.0.0.1", self.post.port, authorities=self.authorities)
        return SmtpChannel(replace(server, **over), SENDER)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of the test's own."""
    return World(tmp_path)


async def test_messages_go_after_login_inside_tls_over_one_connection(world: World) -> None:
    """STARTTLS, then the password of the file; the second message needs no second connection."""
    async with world.serving("starttls", login=True):
        channel = world.channel(user="cakupan", password_file=world.password)
        for id_ in ("d-1", "d-2"):
            await channel.send(delivery(id_), MESSAGE)
        channel.close()
    assert world.post.ids == ["<d-1@cakupan.example.id>", "<d-2@cakupan.example.id>"]
    assert (world.post.secured, world.post.logins, len(world.post.sessions)) == ([True, True], ["cakupan"], 1)


async def test_tls_from_the_start(world: World) -> None:
    """Without STARTTLS."""
    async with world.serving("implicit"):
        channel = world.channel(tls="implicit")
        await channel.send(delivery(), MESSAGE)
        channel.close()
    assert world.post.ids == ["<d-1@cakupan.example.id>"]


async def test_a_wrong_password_waits_for_someone_to_correct_it(world: World) -> None:
    """It is no fault of the recipient's."""
    world.password.write_text("salah")
    async with world.serving("starttls", login=True):
        with pytest.raises(TransientError, match="refused our login: 535"):
            await world.channel(user="cakupan", password_file=world.password).send(delivery(), MESSAGE)
    assert world.post.raw == []


async def test_a_certificate_that_does_not_fit_is_not_talked_to(world: World, tmp_path: Path) -> None:
    """One of an authority that we do not know; one of another host."""
    async with world.serving("starttls"):
        with pytest.raises(TransientError, match="certificate verify failed"):
            await world.channel(authorities=world.others).send(delivery(), MESSAGE)
    authority = Authority("mail")
    elsewhere = authority.write_keystore(tmp_path / "elsewhere.pem", "mail.example.id")
    async with world.serving("implicit", elsewhere):
        known = authority.write(tmp_path / "known.pem")
        with pytest.raises(TransientError, match="mismatch"):
            await world.channel(tls="implicit", authorities=known).send(delivery(), MESSAGE)
    assert world.post.raw == []


async def test_a_server_that_offers_no_tls_gets_nothing(world: World) -> None:
    """Nobody on the way can make us send in clear."""
    async with world.serving("none"):
        with pytest.raises(TransientError, match="STARTTLS"):
            await world.channel().send(delivery(), MESSAGE)
    assert world.post.raw == []


@pytest.mark.parametrize(
    ("command", "answer", "error"),
    [
        ("RCPT", "450 4.2.0 greylisted, come again", TransientError),
        ("RCPT", "550 5.1.1 no such user", PermanentError),
        ("DATA", "451 4.3.0 try later", TransientError),
        ("DATA", "554 5.6.0 refused", PermanentError),
    ],
)
async def test_a_refusal_is_passing_or_permanent_by_its_code(
    world: World, command: str, answer: str, error: type[Exception]
) -> None:
    """The connection serves the next message."""
    world.post.answers[command] = [answer]
    async with world.serving("none"):
        channel = world.channel(tls="none")
        with pytest.raises(error, match=answer[:3]):
            await channel.send(delivery(), MESSAGE)
        await channel.send(delivery(), MESSAGE)
        channel.close()
    assert world.post.ids[-1] == "<d-1@cakupan.example.id>"
    assert len(world.post.sessions) == 1


async def test_a_connection_dropped_in_data_is_tried_again_under_the_same_message_id(world: World) -> None:
    """The server may have kept the first: the receiver can tell that both are one."""
    world.post.answers["DATA"] = ["drop"]
    async with world.serving("none"):
        channel = world.channel(tls="none")
        with pytest.raises(TransientError):
            await channel.send(delivery(), MESSAGE)
        await channel.send(delivery(), MESSAGE)
        channel.close()
    assert world.post.raw[0] == world.post.raw[1]
    assert world.post.ids == ["<d-1@cakupan.example.id>"] * 2


@pytest.mark.parametrize("ended", ["421 4.7.0 too many messages", "drop"])
async def test_a_kept_connection_that_the_server_ends_costs_no_try(world: World, ended: str) -> None:
    """The message goes at once over a new one."""
    async with world.serving("none"):
        channel = world.channel(tls="none")
        await channel.send(delivery("d-1"), MESSAGE)
        world.post.answers["RCPT"] = [ended]
        await channel.send(delivery("d-2"), MESSAGE)
        channel.close()
    assert world.post.ids == ["<d-1@cakupan.example.id>", "<d-2@cakupan.example.id>"]
    assert len(world.post.sessions) == 2


async def test_a_server_that_is_away_is_waited_for(world: World) -> None:
    """Nobody listens."""
    async with world.serving("none"):
        pass
    with pytest.raises(TransientError, match="did not take it"):
        await world.channel(tls="none").send(delivery(), MESSAGE)


async def test_an_address_with_a_line_break_reaches_no_server(world: World) -> None:
    """It could carry commands of its own."""
    async with world.serving("none"):
        with pytest.raises(PermanentError, match="no address for mail"):
            await world.channel(tls="none").send(delivery(channel="email:a@example.id\r\nDATA"), MESSAGE)
    assert world.post.sessions == []

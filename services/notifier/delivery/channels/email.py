"""E-mail over SMTP. The Message-ID is made of the delivery's id, so that a receiver can drop a repeat."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from email import policy
from email.charset import QP, Charset
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Final, Literal

import aiosmtplib

from services.notifier.delivery.deliveries import Delivery
from services.notifier.messages.message import Message
from shared.runtime.errors import PermanentError, TransientError

_STEP_TIMEOUT_S: Final = 20.0
"""For each step of the SMTP dialogue. A server that scans a message may take seconds at the end of it."""
_TIMEOUT_S: Final = 40.0
"""For a whole message, below a claim's lease."""
_IDLE_S: Final = 30.0
"""A connection that was idle for longer is closed; servers end idle ones after a minute or more."""
_PERMANENT: Final = range(500, 600)
_SERVICE_ENDS: Final = 421
"""The server's answer when it is about to close the connection, for instance after so many messages."""
_POLICY: Final = policy.compat32.clone(linesep="\r\n", max_line_length=None, mangle_from_=False)
"""The newer classes of `email` parse each header again when it is set, which takes five times as long."""
_LONGEST_LINE: Final = 900
"""Below SMTP's limit of 998. An id that is put on a line of its own is not understood by every program."""
_UTF_8: Final = Charset("utf-8")
"""Text as quoted-printable: not every server on the way takes 8-bit text."""
_UTF_8.body_encoding = QP

Refusal = aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, and how. `authorities`: PEM of those that vouch for it; None: those of the system."""

    host: str
    port: int
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str = ""
    password_file: Path | None = None
    authorities: Path | None = None


class SmtpChannel:
    """Hands messages to one mail server over kept connections, one for each message that is sent at the same time."""

    def __init__(self, server: MailServer, sender: str, unsubscribe: str = "") -> None:
        """Read the authorities. `unsubscribe`: where digests are ended; empty: mail to the sender."""
        self._server = server
        self._sender = sender
        self._address = parseaddr(sender)[1]
        self._unsubscribe = unsubscribe or f"mailto:{self._address}?subject=unsubscribe"
        self._tls = ssl.create_default_context(cafile=server.authorities)
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []

    async def send(self, delivery: Delivery, message: Message) -> None:
        """See the port. Only a 5xx answer about this recipient or this message is permanent."""
        server = f"the mail server at {self._server.host}:{self._server.port}"
        try:
            mail = assemble(delivery, message, self._sender, self._unsubscribe)
            async with asyncio.timeout(_TIMEOUT_S):
                await self._hand_over(delivery.channel.address, mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0], "the recipient") from error
        except aiosmtplib.SMTPDataError as error:
            raise _refused(error, "the message") from error
        except aiosmtplib.SMTPAuthenticationError as error:
            raise TransientError(f"{server} refused our login: {error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise TransientError(f"{server} did not take it: {error!r}") from error
        except ValueError as error:
            raise PermanentError("this is no address for mail; correct the official's entry") from error

    def close(self) -> None:
        """End the connections that are idle."""
        while self._idle:
            self._idle.pop()[0].close()

    async def _hand_over(self, recipient: str, mail: bytes) -> None:
        if (kept := self._take_idle()) is not None:
            try:
                await self._send_over(kept, recipient, mail)
                return
            except aiosmtplib.SMTPServerDisconnected:
                pass  # The server had ended the connection, or ends each after so many messages.
            except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as refusal:
                if _code(refusal) != _SERVICE_ENDS:
                    raise
        await self._send_over(await self._connected(), recipient, mail)

    def _take_idle(self) -> aiosmtplib.SMTP | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            client, since = self._idle.pop()
            if client.is_connected and now - since <= _IDLE_S:
                return client
            client.close()
        return None

    async def _connected(self) -> aiosmtplib.SMTP:
        server = self._server
        # Read for each connection, so that a new password needs no restart.
        password = server.password_file.read_text().rstrip("\r\n") if server.password_file is not None else None
        client = aiosmtplib.SMTP(
            hostname=server.host, port=server.port, timeout=_STEP_TIMEOUT_S, tls_context=self._tls,
            use_tls=server.tls == "implicit", start_tls=server.tls == "starttls", username=server.user or None,
            password=password,
        )  # fmt: skip
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client

    async def _send_over(self, client: aiosmtplib.SMTP, recipient: str, mail: bytes) -> None:
        """Send, and keep the connection unless the server or an unfinished dialogue makes it unusable."""
        usable = False
        try:
            await client.sendmail(self._address, [recipient], mail)
            usable = True
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as refusal:
            usable = _code(refusal) != _SERVICE_ENDS
            raise
        finally:
            if usable and client.is_connected:
                self._idle.append((client, asyncio.get_running_loop().time()))
            else:
                client.close()


def _code(refusal: Refusal) -> int:
    one = refusal.recipients[0] if isinstance(refusal, aiosmtplib.SMTPRecipientsRefused) else refusal
    return one.code


def _refused(answer: aiosmtplib.SMTPResponseException, what: str) -> PermanentError | TransientError:
    answered = f"the mail server refused {what}: {answer.code} {answer.message}"
    if answer.code in _PERMANENT:
        return PermanentError(f"{answered}; correct the official's entry or the server's rules")
    return TransientError(answered)


def assemble(delivery: Delivery, message: Message, sender: str, unsubscribe: str) -> bytes:
    """Return the mail. The same delivery and message always give the same bytes.

    Raises: ValueError where a header would have two lines.
    """
    domain = parseaddr(sender)[1].rpartition("@")[2]
    headers = {
        "From": _named(sender),
        "To": delivery.channel.address,
        "Subject": message.subject,
        "Date": format_datetime(message.written_at),
        "Message-ID": f"<{delivery.id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Cakupan-Occasion": delivery.occasion.value,
        "X-Cakupan-Alerts": " ".join(delivery.alerts),
    }
    thread = dict.fromkeys(each for each in (message.thread, delivery.answers) if each and each != delivery.id)
    if thread:
        headers["References"] = " ".join(f"<{each}@{domain}>" for each in thread)
    if delivery.answers:
        headers["In-Reply-To"] = f"<{delivery.answers}@{domain}>"
    if message.is_digest:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
    # Python would choose random boundaries.
    mail = MIMEMultipart("alternative", f"={delivery.id}")
    for name, value in headers.items():
        if len(value.splitlines()) > 1:
            raise ValueError(f"{name} has two lines")
        mail[name] = _folded(name, value)
    mail.attach(_text(message.text, "plain"))
    mail.attach(_html(message, delivery.id))
    return mail.as_bytes(policy=_POLICY)


def _folded(name: str, value: str) -> str:
    """Return a header in lines: encoded words where it is not ASCII, else as few lines as may be."""
    if value.isascii():
        return Header(value, "us-ascii", _LONGEST_LINE, name).encode(linesep="\r\n")
    return Header(value, "utf-8", header_name=name).encode(linesep="\r\n")


def _named(sender: str) -> str:
    """Return the sender with its name in a form that every mail server takes."""
    return formataddr(parseaddr(sender))


def _text(text: str, subtype: Literal["plain", "html"]) -> MIMEText:
    # It takes a Charset too, which its stub does not say.
    return MIMEText(text, subtype, _UTF_8)  # type: ignore[arg-type]


def _html(message: Message, boundary: str) -> MIMEBase:
    """Return the HTML, together with the pictures that it shows (multipart/related)."""
    html = _text(message.html, "html")
    if not message.pictures:
        return html
    related = MIMEMultipart("related", f"=related-{boundary}", [html])
    for picture in message.pictures:
        part = MIMEImage(picture.png, "png")
        part["Content-ID"] = f"<{picture.name}>"
        part.add_header("Content-Disposition", "inline", filename=f"{picture.name}.png")
        related.attach(part)
    return related

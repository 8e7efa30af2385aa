"""E-mail over SMTP. The Message-ID is made of the delivery's id, so that a receiver can drop a repeat."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Final

import aiosmtplib

from services.notifier.application.alerts import Delivery, Message
from shared.runtime.errors import PermanentError, TransientError

CHANNEL: Final = "email"
_STEP_TIMEOUT_S: Final = 5.0
"""For each step of the SMTP dialogue; a healthy relay answers in well under a second."""
TIMEOUT_S: Final = 15.0
"""For a whole message; a claim's lease must be longer."""
_PERMANENT: Final = range(500, 600)


class SmtpChannel:
    """Hands messages to one mail server, encrypted wherever the server offers STARTTLS."""

    def __init__(self, host: str, port: int, sender: str) -> None:
        self._host = host
        self._port = port
        self._sender = sender

    async def send(self, delivery: Delivery, message: Message) -> None:
        """See the port. Only a 5xx answer about this recipient or this message is permanent."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await aiosmtplib.send(
                    assemble(delivery, message, self._sender),
                    sender=parseaddr(self._sender)[1],
                    recipients=[message.recipient],
                    hostname=self._host,
                    port=self._port,
                    timeout=_STEP_TIMEOUT_S,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0], "the recipient") from error
        except aiosmtplib.SMTPDataError as error:
            raise _refused(error, "the message") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise TransientError(f"the mail server at {self._host}:{self._port} did not take it: {error!r}") from error


def _refused(answer: aiosmtplib.SMTPResponseException, what: str) -> PermanentError | TransientError:
    answered = f"the mail server refused {what}: {answer.code} {answer.message}"
    if answer.code in _PERMANENT:
        return PermanentError(f"{answered}; correct the official's entry or the server's rules")
    return TransientError(answered)


def assemble(delivery: Delivery, message: Message, sender: str) -> bytes:
    """Return the mail. The same delivery and message always give the same bytes."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail["Date"] = message.date
    mail["Message-ID"] = f"<{delivery.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    mail["X-Cakupan-Alert"] = delivery.alert
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    # Python would choose a random boundary.
    mail.set_boundary(f"={delivery.id}")
    return mail.as_bytes()

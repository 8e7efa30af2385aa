"""A mail: the same bytes each time, in the thread of its alert, with its pictures inside."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.notifier.delivery.channels.email import assemble
from services.notifier.delivery.deliveries import Delivery
from services.notifier.delivery.settings import DeliverySettings
from services.notifier.messages.message import Message
from tests.fakes_deliveries import MESSAGE, delivery

SENDER = "Cakupan <cakupan@cakupan.example.id>"


def mail_of(sent: Delivery, message: Message = MESSAGE, unsubscribe: str = "mailto:stop@example.id") -> EmailMessage:
    """Return the mail as a program reads it."""
    mail = message_from_bytes(assemble(sent, message, SENDER, unsubscribe), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_mail_says_who_wrote_to_whom_when() -> None:
    """The Message-ID is the delivery's, the time has the official's zone, and nobody's absence answers it."""
    mail = mail_of(delivery())
    assert mail["Message-ID"] == "<d-1@cakupan.example.id>"
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, "gubernur@example.id", MESSAGE.subject)
    assert mail["Date"] == "Sat, 21 Nov 2026 14:34:56 +0700"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail["X-Cakupan-Alerts"], mail["X-Cakupan-Occasion"]) == ("alert-1", "raised")


def test_text_html_and_picture_are_parts_of_one_mail() -> None:
    """The picture is beside the HTML that names it, and all of it is 7-bit."""
    raw = assemble(delivery(), MESSAGE, SENDER, "")
    assert raw.isascii()
    mail = mail_of(delivery())
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
    ]  # fmt: skip
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert (text.get_content().strip(), html.get_content().strip()) == (MESSAGE.text, MESSAGE.html)
    (picture,) = (part for part in mail.walk() if part.get_content_type() == "image/png")
    assert (picture["Content-ID"], picture.get_content_disposition()) == ("<chart>", "inline")
    assert picture.get_payload(decode=True) == MESSAGE.pictures[0].png


def test_long_headers_stay_readable() -> None:
    """An id is never cut from its header's name, no line is longer than SMTP takes, and "From " stays as it is."""
    sender = f"Cakupan – Kemenko PMK <cakupan@{'sangat-panjang.' * 5}example.id>"
    alerts = tuple(f"8b7a1f52-6f0e-4f3b-9d2c-6a4f4d1c0e{n:02}" for n in range(90))
    sent = delivery("5f1c0e11-6f0e-4f3b-9d2c-6a4f4d1c0e11", alerts=alerts)
    long = replace(MESSAGE, subject="Ringkasan – " + "kabupaten " * 20 + "ini", text="From here\n" + "x" * 2_000)
    raw = assemble(sent, long, sender, "mailto:stop@example.id")
    assert f"\r\nMessage-ID: <{sent.id}@".encode() in raw
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["From"].addresses[0].display_name == "Cakupan – Kemenko PMK"
    assert (mail["Subject"], mail["X-Cakupan-Alerts"].split()) == (long.subject, list(alerts))
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().split() == long.text.split()


def test_a_later_try_has_the_same_bytes() -> None:
    """Also the boundaries between the parts."""
    once, again = (assemble(delivery(tries=tries), MESSAGE, SENDER, "") for tries in (0, 5))
    assert once == again


def test_messages_of_an_alert_are_one_thread() -> None:
    """All refer to the alert; a later one answers the first."""
    first, later = mail_of(delivery()), mail_of(delivery("d-2", answers="d-1"))
    assert (first["References"], first["In-Reply-To"]) == ("<alert-1@cakupan.example.id>", None)
    assert later["References"] == "<alert-1@cakupan.example.id> <d-1@cakupan.example.id>"
    assert later["In-Reply-To"] == "<d-1@cakupan.example.id>"


def test_only_a_digest_says_how_to_end_it() -> None:
    """List-Unsubscribe; a digest is a thread of its own."""
    digest = mail_of(delivery(), replace(MESSAGE, is_digest=True, thread="d-1"))
    assert (digest["List-Unsubscribe"], digest["References"]) == ("<mailto:stop@example.id>", None)
    assert mail_of(delivery())["List-Unsubscribe"] is None


def test_a_mail_without_pictures_has_none() -> None:
    """Two forms of the same text."""
    mail = mail_of(delivery(), replace(MESSAGE, pictures=()))
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_user": "cakupan"}, "set both"),
        ({"smtp_password_file": Path("password")}, "set both"),
        (
            {"smtp_host": "mail", "smtp_user": "c", "smtp_password_file": Path("password"), "smtp_tls": "none"},
            "travel in clear",
        ),
        ({"unsubscribe": "http://example.id"}, "mailto: or https:"),
        ({"private_networks": "10.0.0.1/8"}, "has host bits set"),
        ({"email_connections": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, object], said: str) -> None:
    """When the service starts, with what to do."""
    with pytest.raises(ValidationError, match=said):
        DeliverySettings.model_validate(wrong)

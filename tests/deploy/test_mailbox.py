"""The mailbox by real SMTP, and its page."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from deploy.local.mailbox.app import build
from deploy.local.ports import free_ports
from tests.serving import served


@pytest.fixture
async def smtp_port() -> int:
    """A port for this test's mail server."""
    return free_ports(1)[0]


@pytest.fixture
async def page(tmp_path: Path, smtp_port: int) -> AsyncIterator[httpx.AsyncClient]:
    """The mailbox's page, with its mail server running."""
    async with served(build(tmp_path, "127.0.0.1", smtp_port)) as http:
        yield http


def message(subject: str, message_id: str = "<alert-1@cakupan>") -> EmailMessage:
    """Return a message to a governor."""
    written = EmailMessage()
    written["From"], written["To"], written["Subject"] = "cakupan@cakupan.local", "gubernur@aceh.test", subject
    written["Message-ID"] = message_id
    written["Date"] = "Sat, 21 Nov 2026 10:00:00 +0700"
    written.set_content("Kepesertaan aktif 6.844 dari 17.109 pekerja = 40,00% — naik.\n")
    return written


async def test_a_message_is_kept_and_a_repeat_of_it_is_not_a_second_one(
    page: httpx.AsyncClient, smtp_port: int, tmp_path: Path
) -> None:
    """The second delivery of one Message-ID leaves one file."""
    for subject in ("Aceh melewati 40%", "Aceh melewati 40%", "Aceh melewati 40%"):
        errors, answer = await aiosmtplib.send(message(subject), hostname="127.0.0.1", port=smtp_port)
        assert (errors, answer) == ({}, "kept as alert-1@cakupan")
    assert os.listdir(tmp_path) == ["alert-1@cakupan.eml"]


async def test_the_page_lists_messages_and_shows_one(page: httpx.AsyncClient, smtp_port: int) -> None:
    """Subject, receiver, date and text, in the language they were written in."""
    assert "Nothing yet" in (await page.get("/")).text
    await aiosmtplib.send(message("Aceh melewati 40%"), hostname="127.0.0.1", port=smtp_port)
    assert '<a href="/mails/alert-1%40cakupan">Aceh melewati 40%</a>' in (await page.get("/")).text
    letter = await page.get("/mails/alert-1@cakupan")
    assert letter.headers["x-content-type-options"] == "nosniff"
    for word in ("default-src 'none'", "frame-ancestors 'none'"):
        assert word in letter.headers["content-security-policy"]
    shown = letter.text
    for part in ("gubernur@aceh.test", "21 Nov 2026", "40,00% — naik"):
        assert part in shown
    assert (await page.get("/mails/none")).status_code == 404


async def test_a_message_cannot_put_markup_into_the_page(page: httpx.AsyncClient, smtp_port: int) -> None:
    """What a sender writes is text."""
    sent = message("<script>alert(1)</script>", "<x/../y&z@cakupan>")
    await aiosmtplib.send(sent, hostname="127.0.0.1", port=smtp_port)
    listed = (await page.get("/")).text
    assert "<script>" not in listed
    link = listed.split('href="')[1].split('"')[0]
    assert "&lt;script&gt;" in (await page.get(link)).text

"""Received messages as .eml files, one a Message-ID."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import quote

_LONGEST_NAME: Final = 200
"""File systems take 255 bytes; `.eml` and the temporary name's ending need some."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as the page shows it."""

    name: str
    subject: str
    to: str
    date: str
    text: str


class Letters:
    """The messages in one folder."""

    def __init__(self, folder: Path) -> None:
        """Use the folder; it is made if it is not there."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes) -> str:
        """Return the name under which the message is kept, once it is on the disk.

        The same Message-ID again replaces the message, as any receiver may drop a repeated delivery.
        """
        name = _name(content)
        fresh = self._folder / f"{name}.tmp"
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / f"{name}.eml")
        # The folder's new entry survives a power cut as well.
        entry = os.open(self._folder, os.O_RDONLY)
        os.fsync(entry)
        os.close(entry)
        return name

    def all(self) -> list[Letter]:
        """Return all messages, the newest first."""
        files = sorted(self._folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        return [_read(file) for file in files]

    def get(self, name: str) -> Letter | None:
        """Return the message of this name, or None."""
        return next((letter for letter in self.all() if letter.name == name), None)


def _name(content: bytes) -> str:
    # The old policy leaves the header as it was sent: the new one's parser fails on some (IndexError on "<:>").
    message_id = str(message_from_bytes(content, policy=policy.compat32)["Message-ID"] or "").strip().strip("<>")
    name = quote(message_id, safe="@")
    return name if 0 < len(name) <= _LONGEST_NAME else hashlib.sha256(message_id.encode() or content).hexdigest()


def _read(file: Path) -> Letter:
    """Return the message. Where its headers or its text cannot be read, they are shown as they came."""
    content = file.read_bytes()
    try:
        return _parsed(file.stem, content)
    except Exception:  # the parser raises many kinds for broken mails; one of them must not hide all others
        return Letter(file.stem, "(a message that cannot be read)", "", "", content.decode(errors="replace"))


def _parsed(name: str, content: bytes) -> Letter:
    message: EmailMessage = message_from_bytes(content, policy=policy.default)
    body = message.get_body(("plain",))
    return Letter(
        name=name,
        subject=str(message["Subject"] or "(no subject)"),
        to=str(message["To"] or ""),
        date=str(message["Date"] or ""),
        text="" if body is None else str(body.get_content()),
    )

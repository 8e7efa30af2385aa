"""`python -m deploy.local.mailbox`: settings come from MAILBOX_* variables."""

from __future__ import annotations

from pathlib import Path

import uvicorn
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.mailbox.app import build


class MailboxSettings(BaseSettings):
    """Where the mailbox listens and keeps messages."""

    model_config = SettingsConfigDict(env_prefix="MAILBOX_")

    folder: Path = Path(".local/mailbox")
    host: str = "127.0.0.1"
    port: int = 8025
    smtp_port: int = 2525


if __name__ == "__main__":
    settings = MailboxSettings()
    pages = build(settings.folder, settings.host, settings.smtp_port)
    uvicorn.run(pages, host=settings.host, port=settings.port, log_level="warning", timeout_graceful_shutdown=2)

"""`python -m deploy.local`: brings the local stack up; `make run`, `make up` and `make reset` call it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.local.keys import Keys, share
from deploy.local.mongod import give_user
from deploy.local.sample.scenario import play
from deploy.local.settings import SERVICES, StackSettings, kept_secret, write_whole
from deploy.local.stack import LocalStack, Work, keep_up, say
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.settings import CommonSettings
from shared.contracts import topics
from shared.runtime.clock import SystemClock
from shared.runtime.errors import PermanentError, TransientError

app = typer.Typer(help="The local stack: real Kafka and MongoDB.", no_args_is_help=True, pretty_exceptions_enable=False)
_console = Console()


@app.command()
def up() -> None:
    """Start everything and stay until Ctrl-C."""
    _stay(None)


@app.command()
def run() -> None:
    """Start everything, play the sample, and stay until Ctrl-C."""
    _stay(lambda stack: play(stack.config, _console))


@app.command()
def reset() -> None:
    """Forget all data, keys and logs of the stack; servers that you named keep theirs."""
    home = StackSettings().home
    with _one_line_errors(), home.locked():
        home.forget()
    say(_console, f"Forgot the data, keys and logs under {home.root}")


@app.command()
def prepare(
    share_in: Annotated[Path, typer.Option("--share", help="Where each service gets its keys")],
    mongodb: Annotated[str, typer.Option(help="HOST:PORT of the MongoDB in which each service gets a user")],
    password_file: Annotated[Path, typer.Option("--mongodb-password", help="File with its admin's password")],
) -> None:
    """Make keys, tokens, topics and MongoDB's users for services that something else starts, such as compose.yaml."""
    settings = StackSettings()
    with _one_line_errors():
        settings.home.make()
        keys = Keys(settings.home)
        now = SystemClock().now()
        keys.write_tokens(now)
        share(keys, share_in, now)
        asyncio.run(_prepare_servers(settings, mongodb, password_file.read_text().strip(), share_in))


async def _prepare_servers(settings: StackSettings, mongodb: str, admins_password: str, folder: Path) -> None:
    """Make the topics, and give each service the file with its own user's URI."""
    await ensure_topics(settings.kafka, [topic.under(settings.namespace) for topic in topics.ALL])
    databases = CommonSettings(namespace=settings.namespace)
    for service in SERVICES:
        password = kept_secret(settings.home.keys / f"{service}-mongodb.password")
        uri = await give_user(mongodb, admins_password, service, password, databases.database(service))
        write_whole(folder / service / "keys" / "mongodb.uri", uri)


def _stay(then: Work | None) -> None:
    settings = StackSettings()
    with _one_line_errors(), settings.home.locked():
        asyncio.run(keep_up(LocalStack(settings), _console, then))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (PermanentError, TransientError) as error:
        say(Console(stderr=True), f"Error: {error}")
        raise typer.Exit(1) from error


if __name__ == "__main__":
    # Whatever this process and its children write is for its owner alone.
    os.umask(0o077)
    app()

"""What the launcher says: a table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from deploy.local.home import Home
from deploy.local.parts import Ground


def tell_ready(ground: Ground, console: Console) -> None:
    """Say where everything is."""
    rows = [(name, ground.url(name), f"{ground.url(name)}/docs") for name in ("registry", "coverage", "notifier")]
    rows.append(("mailbox", ground.url("mailbox"), ""))
    if console.is_terminal:
        table = Table("Service", "Address", "Docs", "State")
        for row in rows:
            table.add_row(*row, "[green]ready[/green]")
        console.print(table)
    else:
        for row in rows:
            say(console, f"{'  '.join(cell for cell in row if cell)}  ready")
    for what, where in _places(ground):
        say(console, f"{what}: {where}")


def say(console: Console, line: str) -> None:
    """Print one line as it is: not wrapped, no markup, no colour."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def tell_forgotten(home: Home, console: Console) -> None:
    """Say what a reset has removed."""
    say(console, f"Forgot the data, keys and logs under {home.root}")


def _places(ground: Ground) -> list[tuple[str, str]]:
    return [
        ("Kafka", str(ground.kafka)),
        ("MongoDB", ground.mongodb_uri),
        ("Mail server", f"{ground.host}:{ground.ports['smtp']}"),
        ("Tokens", f"{ground.home.tokens}/*.jwt"),
        ("Mailbox", f"{ground.home.mailbox}/*.eml"),
        ("Logs", f"{ground.home.logs}/*.log"),
    ]

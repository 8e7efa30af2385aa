"""What the sample says beside its board."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from deploy.local.addresses import Addresses
from deploy.local.report import say
from deploy.local.sample.figures import PROVINCE
from deploy.local.sample.reading import RegionFigures, text_of
from deploy.local.sample.upstream import Tally


def tell_region(region: RegionFigures | None, console: Console) -> None:
    """Say a region's numerator, denominator and ratio, as coverage gave them."""
    if region is not None:
        say(console, f"{region.name}: {region.registered} of {region.potential} registered = {region.per_cent}")


def tell_end(tally: Tally, mail: EmailMessage | None, console: Console) -> None:
    """Say what became of the facts, and show the message."""
    if tally.refused:
        say(console, f"{tally.refused} facts were refused; the first: {tally.first_refusal}")
    elif not tally.accepted:
        say(console, f"Nothing is new: the registry knows all {tally.duplicate} facts from an earlier play.")
    if mail is not None:
        subject, receiver = Text(str(mail["Subject"])), Text(f"to {mail['To']}")
        console.print(Panel(Text(text_of(mail)), title=subject, subtitle=receiver))


def tell_where_to_look(addresses: Addresses, tokens: Path, console: Console) -> None:
    """Say where to go on from here."""
    say(console, "Where to look next:")
    for what, where in (
        ("the mailbox", addresses.mailbox),
        ("Aceh as counted", f"{addresses.coverage}/v1/regions/{PROVINCE}"),
        ("its alerts", f"{addresses.notifier}/v1/alerts?region={PROVINCE}"),
        ("every call, to try out", f"{addresses.registry}/docs"),
        ("tokens for it", f"{tokens}/*.jwt"),
    ):
        say(console, f"  {what}: {where}")

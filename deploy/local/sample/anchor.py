"""The instant of the first play, remembered: a second play then sends the same facts, and the registry knows them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from shared.regions.codes import WIB
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError


def remembered_anchor(file: Path, clock: Clock) -> datetime:
    """Return the anchor kept in the file; where there is none yet, now becomes it and is kept.

    Units: whole seconds, WIB.
    Raises: PermanentError naming the file when it holds no instant.
    """
    if not file.exists():
        anchor = clock.now().astimezone(WIB).replace(microsecond=0)
        fresh = file.with_suffix(".tmp")
        fresh.write_text(json.dumps({"anchor": anchor.isoformat()}))
        fresh.replace(file)
        return anchor
    try:
        return datetime.fromisoformat(json.loads(file.read_text())["anchor"]).astimezone(WIB)
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentError(f"{file} holds no instant; 'make reset' forgets it and the sample's data") from error

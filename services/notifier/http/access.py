"""Who may call: scopes, and the official that a token speaks for."""

from __future__ import annotations

from typing import Final

from services.notifier.engine.directory import Directory, Official, Role, post_of
from services.notifier.engine.instants import to_ms
from shared.adapters.http_problem import Problem
from shared.adapters.territory import demand_within, home_of
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock

READ_SCOPE: Final = "coverage:read"
ACK_SCOPE: Final = "alerts:ack"
ADMIN_SCOPE: Final = "notifier:admin"


def acting_official(caller: Caller, named: str | None, region: str, directory: Directory, clock: Clock) -> Official:
    """Return the official who acknowledges an alert of the region: the token's own, or the one a program names.

    Raises: Problem 403 where the token's official does not hear of the region; 422 where a program names nobody who
    does.
    """
    demand_within(caller, region)
    now = to_ms(clock.now())
    if caller.role is not None:
        return _own(caller, named, region, directory, now)
    found = None if named is None else directory.get(named)
    if found is None:
        detail = "the token is no official's; name one of the directory who takes note, by id"
        raise Problem(422, "official_missing", detail, field="official")
    if not may_acknowledge(found, region, directory, now):
        detail = f"{found.id} is not in office for this region or one above it; name an official who is"
        raise Problem(422, "official_not_responsible", detail, field="official")
    return found


def may_acknowledge(official: Official, region: str, directory: Directory, now: int) -> bool:
    """Say whether the official holds a role that hears of the region, or stands in for one who did."""
    posts = ((role, post_of(role, region)) for role in Role)
    return any(official in directory.holders(role, post, now) for role, post in posts if post is not None)


def _own(caller: Caller, named: str | None, region: str, directory: Directory, now: int) -> Official:
    """Return who holds the token's role for its region; of several, the one it names by id or as its subject."""
    holders: list[Official] = []
    if caller.role in set(Role) and post_of(Role(caller.role), region) == home_of(caller):
        holders = directory.holders(Role(caller.role), home_of(caller), now)
    wanted = named or caller.subject
    found = next((official for official in holders if official.id == wanted), None)
    if found is None and named is None and len(holders) == 1:
        found = holders[0]
    if found is None:
        detail = "nobody in the directory is in office with the token's role and region; ask for an entry there"
        raise Problem(403, "not_in_office", f"{detail}, or name your id if several are")
    return found

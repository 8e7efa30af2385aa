"""Whether one caller's work makes all others wait, while all end-to-end tests run; this file comes last of them."""

from __future__ import annotations

from tests.e2e.turns import ask_what_is_expensive, too_long
from tests.e2e.world import World


async def test_nothing_on_the_event_loop_takes_over_20_ms(world: World) -> None:
    """By the processor's time, through all tests and what is expensive; longer work belongs into a thread."""
    await ask_what_is_expensive(world)
    said = too_long(world)
    assert not said, f"{len(said)} turns took too long\n" + "\n".join(said)

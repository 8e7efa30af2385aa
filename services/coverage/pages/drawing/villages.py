"""The rows of a quota board. Drawn here and not by a template: of a thousand rows that would take 30 ms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from markupsafe import Markup, escape

from services.coverage.pages.view import View
from services.coverage.reference.domain.quota import Village

_A_VILLAGE: Final = "00.00.00.0000"
"""Stands for a village in the address that all rows share."""


def village_rows(
    villages: Iterable[Village], lapsing: Mapping[str, int], view: View, named: Callable[[str], str],
    say: Callable[[str], Markup], number: Callable[[int], Markup],
) -> Markup:  # fmt: skip
    """Return a row a village; with the people who lapse soon where `lapsing` has any."""
    before, _, after = str(escape(view.region(_A_VILLAGE))).partition(_A_VILLAGE)
    met, zero, missed = (f"{sign} {say(word)}" for sign, word in (("✓", "met"), ("○", "zero"), ("✕", "not_met")))
    people, required, short, due = (f'<td data-l="{say(word)}">' for word in ("people", "required", "short", "due_30"))

    def state(one: Village) -> str:
        return f'ok">{met}' if one.passes else f'no">{missed if one.people else zero}'

    rows = [
        f'<tr>\n<th scope="row"><a href="{before}{one.region}{after}">{escape(named(one.region))}</a>'
        f" <small>{one.region}</small></th>\n"
        f'<td class="left {state(one)}</td>\n'
        f"{people}{number(one.people)}</td>{required}{number(one.required)}</td>{short}{number(one.people_short)}</td>"
        + (f"{due}{number(lapsing[one.region])}</td>" if lapsing else "")
        + "\n</tr>\n"
        for one in villages
    ]
    return Markup("".join(rows))  # noqa: S704 - names are escaped, and all else is ours

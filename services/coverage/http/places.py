"""The region that a path names: one in force, or where a retired code is at home today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypedDict

from fastapi import Request

from services.coverage.http.days import Asked
from shared.adapters.http_api import Bearer, Problem
from shared.adapters.openapi import problem
from shared.regions.catalogue import Catalogue
from shared.regions.successors import Ambiguous, Homes

Placed = Callable[..., str]
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: problem("No region has this code; `candidates` names those that a retired one may stand for"),
}
MOVED: Final[dict[int | str, dict[str, Any]]] = {
    301: problem("The code is retired; `Location` names its one successor, with the query as it was")
    | {"headers": {"Location": {"required": True, "schema": {"type": "string"}}}},
    **UNKNOWN,
}


class Routes(TypedDict):
    """What all routes under a region are made with."""

    placed: Placed
    asked: Asked
    bearer: Bearer


InForce = Callable[[str], str]


def in_force(catalogue: Catalogue, homes: Homes) -> InForce:
    """Return what gives the region in force that a code names. It raises Problem 404 where that is none or several."""

    def region(code: str) -> str:
        if code in catalogue:
            return code
        home = homes.home_of(code)
        if isinstance(home, Ambiguous):
            raise _several(home.candidates)
        if home is None:
            detail = "no region has this code; write a Kemendagri code (11, 11.01, 11.01.01) or ID"
            raise Problem(404, "unknown_region", detail)
        return home

    return region


def placed(region: InForce) -> Placed:
    """Return a dependency that gives the code in a path, of a region in force; a retired one leads on to it."""

    def place(request: Request, code: str) -> str:
        home = region(code)
        if home != code:
            raise _moved(request, code, home)
        return code

    return place


def _several(candidates: tuple[str, ...]) -> Problem:
    detail = f"the code is retired and may stand for {', '.join(candidates)}; ask for one of them"
    return Problem(404, "ambiguous_region", detail, candidates=list(candidates))


def _moved(request: Request, code: str, home: str) -> Problem:
    query = request.scope["query_string"].decode("latin-1")
    path = request.url.path.replace(f"/{code}", f"/{home}", 1)
    location = f"{path}?{query}" if query else path
    return Problem(
        301, "retired_region", f"the code is retired; {home} is its successor", headers={"Location": location}
    )

"""Shared dependencies of the routes: the region that a code names, the day asked about, and the caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import Query, Request

from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.adapters.http_query import Day
from shared.adapters.http_regions import region_in_force
from shared.adapters.openapi import problem
from shared.regions.catalogue import Catalogue
from shared.regions.codes import NATION, local
from shared.regions.successors import Homes
from shared.runtime.clock import Clock

AsOfDay = Annotated[Day | None, Query(description="The day whose figures are asked about; today by default")]
KnownAt = Annotated[Day | None, Query(description="Only what had been recorded by the end of this day (WIB)")]
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: problem("No region has this code; `candidates` names those that a retired one may stand for"),
}
MOVED: Final[dict[int | str, dict[str, Any]]] = {
    301: problem("The code is retired; `Location` names its one successor, with the query as it was")
    | {"headers": {"Location": {"required": True, "schema": {"type": "string"}}}},
    **UNKNOWN,
}


@dataclass(frozen=True)
class Dependencies:
    """What every route under a region needs. `region` and `asked` are dependencies of FastAPI.

    They wait for nothing, and are coroutines all the same: FastAPI calls plain functions in a thread.
    """

    catalogue: Catalogue
    homes: Homes
    clock: Clock
    bearer: Bearer

    def resolve_region(self, code: str) -> str:
        """Return the region in force of a code. Raises: Problem 404 if there is none, or several."""
        return region_in_force(self.homes, code)

    async def region(self, request: Request, code: str) -> str:
        """Return the code in the path. Raises: Problem 301 for a retired code, with the address of its successor."""
        home = self.resolve_region(code)
        if home != code:
            query = request.scope["query_string"].decode("latin-1")
            path = str(request.scope["path"]).replace(f"/{code}", f"/{home}", 1)
            headers = {"Location": f"{path}?{query}" if query else path}
            raise Problem(301, "retired_region", f"the code is retired; {home} is its successor", headers=headers)
        return code

    async def asked(self, request: Request, code: str, as_of: AsOfDay = None, known_at: KnownAt = None) -> AsOf | None:
        """Return the day asked about; None: now, with everything that is known.

        Without a token the day names a release, and one that is to come is missing like any other.
        """
        if as_of is None and known_at is None:
            return None
        if "authorization" in request.headers:
            self.refuse_future(code, as_of, known_at)
        return AsOf(as_of or self.today(code), known_at)

    def refuse_future(self, region: str, as_of: date | None, known_at: date | None) -> None:
        """Raise Problem 422 for a day after today: the region's, or the nation's for `known_at`."""
        refuse_after("as_of", as_of, self.today(region))
        refuse_after("known_at", known_at, self.today(NATION))

    def today(self, region: str) -> date:
        """Return the region's today."""
        return local(region, self.clock.now()).date()


def refuse_after(field: str, day: date | None, last: date) -> None:
    """Raise Problem 422 for a day after the last one that can be asked about."""
    if day is not None and day > last:
        detail = f"{field} is {day}, after {last}, the last day there is to ask about; write that or a day before"
        raise Problem(422, f"{field}_in_future", detail, field=field)

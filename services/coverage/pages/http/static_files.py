"""Static files over HTTP, kept by readers for good."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from services.coverage.pages.assets import PREFIX, Asset, assets
from shared.adapters.http_answers import answer

_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_SHORT: Final = "public, max-age=300"


def create_router() -> APIRouter:
    """Return the route of static files."""
    router = APIRouter(include_in_schema=False)
    by_address = {asset.address: asset for asset in assets().values()}
    by_name = {_name_of(asset.address): asset for asset in assets().values()}

    @router.get(PREFIX + "{file}")
    async def get_file(request: Request, file: str) -> Response:
        """Send a file. A page that is kept for good may ask for an older one: it gets the present one of that name."""
        address = PREFIX + file
        asset: Asset | None = by_address.get(address) or by_name.get(_name_of(address))
        if asset is None:
            raise HTTPException(404)
        kept = _FOR_GOOD if asset.address == address else _SHORT
        headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
        return answer(request, asset.body, media_type=asset.media_type, headers=headers)

    return router


def _name_of(address: str) -> tuple[str, str]:
    """Return an address without its hash."""
    stem, _, rest = address.partition(".")
    return stem, rest.rpartition(".")[2]

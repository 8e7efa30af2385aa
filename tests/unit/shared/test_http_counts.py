"""Answers are counted by route and status, whatever answers."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter

from shared.adapters.http_counts import CountAnswers
from shared.adapters.http_head import HeadAsGet


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/things/7", "/things/{thing}", "200"),
        ("GET", "/broken", "/broken", "500"),
        ("HEAD", "/things/7", "other", "200"),
        ("GET", "/6310012345678901", "other", "404"),
    ],
)
async def test_an_answer_is_counted_under_its_declared_route(method: str, path: str, route: str, status: str) -> None:
    """A label holds the template of a path, never the path itself, which a caller chooses."""
    registry, api = CollectorRegistry(), FastAPI()

    @api.get("/things/{thing}")
    async def thing(thing: str) -> str:
        return thing

    @api.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a defect")

    answers = Counter("http_answers_total", "Answers", ("route", "status"), registry=registry)
    api.add_middleware(HeadAsGet)
    api.add_middleware(CountAnswers, answers=answers)
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        await http.request(method, path)
    (counted,) = [sample for one in registry.collect() for sample in one.samples if sample.name.endswith("_total")]
    assert (counted.labels, counted.value) == ({"route": route, "status": status}, 1)

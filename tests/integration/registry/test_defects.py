"""What a defect of ours tells: that it happened and where, never what was sent."""

from __future__ import annotations

from typing import Any, NoReturn

import httpx
import pytest

from services.registry.intake.parsing import Parser
from services.registry.settings import RegistrySettings
from tests.commands import listening
from tests.factories_registry import NIK, event
from tests.integration.registry.serving import make_topics
from tests.output import Output
from tests.tokens import Issuer

PASSPORT = "741852963"
FACT = event(data={"identity": {"scheme": "passport", "value": PASSPORT}})


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    """Captures what is written while it is entered."""
    return Output(capsys)


def fails(*_: Any, **__: Any) -> NoReturn:
    """Fail as a defect might: quoting what it worked on."""
    local = f"{NIK} {PASSPORT}"
    raise KeyError(local) from ValueError(local)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("services.registry.intake.commit.decided", "failed"),
        ("services.registry.intake.commit.regroup", "failed"),
        ("services.registry.intake.mongo.store.slot_document", "failed"),
        (f"{Parser.__module__}.Parser.parse", "unexpected"),
        ("services.registry.identity.erasure.registered_at", "unexpected"),
    ],
)
async def test_a_defect_is_answered_and_logged_without_what_was_sent(
    settings: RegistrySettings, issuer: Issuer, output: Output, monkeypatch: pytest.MonkeyPatch, broken: str, code: str
) -> None:
    """In deciding, in storing, in reading, in erasing; what follows it is served again."""
    await make_topics(settings)
    headers = {"authorization": f"Bearer {issuer.token(scope='facts:write identity:erase')}"}
    erasure = {"identity": {"scheme": "nik", "value": NIK}, "force": False}
    with output:
        async with listening(settings) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
            assert (await http.post("/v1/facts", json=event(id="before"))).status_code == 202
            with monkeypatch.context() as defect:
                defect.setattr(broken, fails)
                answers = [await http.post("/v1/facts", json=FACT)]
                answers.append(await http.post("/v1/participants/erase", json=erasure))
            after = await http.post("/v1/facts", json=FACT)
        logged = output.lines()
    failed = [answer for answer in answers if answer.status_code == 500]
    assert [answer.json()["code"] for answer in failed] == [code]
    assert after.is_success
    text = repr(logged)
    assert "fails" in text
    assert "KeyError" in text
    for personal in (NIK, PASSPORT):
        assert personal not in text + "".join(answer.text for answer in answers)

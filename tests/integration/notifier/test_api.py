"""The notifier's API on MongoDB: each resource, and each refusal once. A small evaluator applies what is given."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from services.notifier.delivery.deliveries import document_of
from services.notifier.delivery.mongo import MongoDeliveries
from services.notifier.engine.events import RulesGiven, SnapshotRead
from services.notifier.engine.instants import to_ms
from services.notifier.files.official_files import read_officials
from services.notifier.files.rule_files import read_rules
from services.notifier.http.ack_links import AckLinks
from services.notifier.http.records import Records
from services.notifier.http.routes import Needs, add_routes
from services.notifier.live.batch import Batcher
from services.notifier.live.given import Given, Record, RuleFile
from services.notifier.live.inputs import Inputs
from services.notifier.live.mongo import WorldStore
from services.notifier.live.timeline import Entry
from services.notifier.messages.compose import Composer
from services.notifier.settings import NotifierSettings
from shared.adapters.mongo import Mongo
from shared.adapters.service import Service
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import catalogue
from shared.regions.successors import Homes, table
from tests.alerts_trace import official, rule
from tests.factories_notifier import NOW, child, snapshot
from tests.fakes import ManualClock
from tests.tokens import AUDIENCE, ISSUER, Issuer
from tests.waiting import eventually

RULES = [
    rule(),
    rule("short", levels=["regency"], hears=["bupati"], escalate=[{"after": "3d", "hears": ["gubernur"]}],
         group_wait="1h"),
]  # fmt: skip
OFFICIALS = [
    official("g", "gubernur", "11", "g@example.id", name="Gubernur Aceh"),
    official("b", "bupati", "11.01", "b@example.id", valid_until="2030-12-31"),
    official("s", "gubernur", "12", "s@example.id"),
]
ACEH = ("gubernur", "11")


@dataclass
class Api:
    """The API over a database, whose inputs are applied while `evaluating`."""

    http: httpx.AsyncClient
    mongo: Mongo
    issuer: Issuer
    clock: ManualClock
    inputs: Inputs
    store: WorldStore
    links: AckLinks
    batcher: Batcher
    number: int = 0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def apply(self, *given: Given) -> None:
        """Evaluate these at the clock's instant, and store what follows."""
        async with self.busy:
            now = to_ms(self.clock.now())
            entries = deque(Entry(now, 0, number, what) for number, what in enumerate(given))
            batch = self.batcher.apply(entries, now)
            if not batch.is_empty:
                self.number += 1
                await self.store.write(1, self.number, batch)

    async def evaluate(self) -> None:
        """Apply inputs until cancelled."""
        while True:
            if waiting := await self.inputs.waiting():
                await self.apply(*waiting)
            await asyncio.sleep(0.01)

    async def see(self, *snapshots: Snapshot) -> None:
        """Have snapshots evaluated."""
        await self.apply(*(Record(SnapshotRead(each)) for each in snapshots))

    async def ask(
        self, method: str, path: str, scope: str = "coverage:read", official: tuple[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Send a request with a token of this scope and, for an official, of this role and region."""
        claims: dict[str, Any] = {} if official is None else {"role": official[0], "region": official[1]}
        token = self.issuer.token(scope=scope, sub="someone", **claims)
        headers = {"authorization": f"Bearer {token}", **more.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **more)

    async def admin(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request of an operator."""
        return await self.ask(method, path, "coverage:read notifier:admin alerts:ack", **more)

    async def alert(self, rule_id: str = "low") -> dict[str, Any]:
        """Return the newest alert of a rule."""
        items = (await self.admin("GET", "/v1/alerts")).json()["items"]
        return dict(next(item for item in items if item["rule"] == rule_id))


@pytest.fixture
async def idle(mongodb_uri: str, namespace: str, tmp_path: Path) -> AsyncIterator[Api]:
    """An API whose inputs nobody applies."""
    clock = ManualClock(NOW)
    issuer = Issuer(clock)
    settings = NotifierSettings(
        mongodb_uri=mongodb_uri, namespace=namespace, jwks=await issuer.write_keys(tmp_path / "jwks.json"),
        token_issuer=ISSUER, token_audience=AUDIENCE,
    )  # fmt: skip
    service = Service("notifier", settings, clock)
    inputs, deliveries = Inputs(service.mongo), MongoDeliveries(service.mongo)
    store, records = WorldStore(service.mongo), Records(service.mongo)
    for part in (store, inputs, deliveries, records):
        await part.prepare()
    links, regions = AckLinks(b"k" * 32, "http://n"), catalogue()

    async def start() -> list[Any]:
        return []

    api = service.application("Test.", start)
    add_routes(
        api,
        Needs(
            service.mongo, records, inputs, deliveries, Composer().compose, links, "http://pages", regions,
            Homes(regions, table()), service.bearer, clock,
        ),
    )  # fmt: skip
    loaded = await store.load(1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://n") as http:
        yield Api(http, service.mongo, issuer, clock, inputs, store, links, Batcher(loaded.world))
    service.mongo.close()


@pytest.fixture
async def api(idle: Api, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """An API with rules, officials, a province and a regency whose alerts fire; it waits until an input is applied."""
    monkeypatch.setattr("services.notifier.http.given._APPLIED_WITHIN_S", 60)
    text = yaml.safe_dump({"rules": RULES})
    await idle.apply(RuleFile(RulesGiven(read_rules(text, "rules.yaml", lambda _: True)), text))
    evaluating = asyncio.create_task(idle.evaluate())
    officials = read_officials(yaml.safe_dump({"officials": OFFICIALS}), "o.yaml", lambda _: True)
    await idle.inputs.give_officials([document_of(one) for one in officials], "operator", idle.clock.now())
    await eventually(lambda: _applied(idle))
    regency = snapshot(30, region="11.01", potential_workers=100, at=idle.clock.now())
    await idle.see(child("11.02", 20, at=idle.clock.now()), regency, snapshot(300, potential_workers=1_000))
    yield idle
    evaluating.cancel()
    with suppress(asyncio.CancelledError):
        await evaluating


async def _applied(api: Api) -> bool:
    return not await api.inputs.waiting()


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_alerts_are_listed_by_region_state_and_acknowledgement(api: Api) -> None:
    """A region means it and all below; pages follow each other."""
    everything = (await api.admin("GET", "/v1/alerts")).json()
    assert {(one["rule"], one["region"], one["state"]) for one in everything["items"]} == {
        ("low", "11", "firing"), ("short", "11.01", "firing"),
    }  # fmt: skip
    assert {one["name"] for one in everything["items"]} == {"Aceh", "Kabupaten Aceh Selatan"}
    assert everything["items"][0]["title"] == {"id": "rendah", "en": "low"}

    async def count(query: str) -> int:
        return len((await api.admin("GET", f"/v1/alerts?{query}")).json()["items"])

    assert [await count(q) for q in ("region=11", "region=11.01", "region=12", "state=recovered")] == [2, 1, 0, 0]
    assert [await count(q) for q in ("quiet=false", "quiet=true")] == [2, 0]
    assert [await count(q) for q in ("state=firing&state=recovering", "acknowledged=true", "acknowledged=false")] == [
        2, 0, 2,
    ]  # fmt: skip
    first = (await api.admin("GET", "/v1/alerts?limit=1")).json()
    second = (await api.admin("GET", f"/v1/alerts?limit=1&cursor={first['next']}")).json()
    assert [*first["items"], *second["items"]] == everything["items"]
    assert second["next"] is None
    assert refused(await api.admin("GET", "/v1/alerts?region=99")) == (404, "unknown_region")
    assert refused(await api.admin("GET", "/v1/alerts?cursor=x")) == (422, "malformed_cursor")


async def test_an_official_sees_the_alerts_of_the_own_region_and_below(api: Api) -> None:
    """Neither the list nor an alert of another region, whoever has its id."""
    mine = await api.ask("GET", "/v1/alerts", official=("bupati", "11.01"))
    assert [one["region"] for one in mine.json()["items"]] == ["11.01"]
    id_ = (await api.alert())["id"]
    for path in ("/v1/alerts?region=11", f"/v1/alerts/{id_}"):
        assert refused(await api.ask("GET", path, official=("bupati", "11.01"))) == (403, "outside_your_region")
    assert (await api.http.get("/v1/alerts")).status_code == 401
    assert refused(await api.ask("GET", "/v1/alerts", scope="facts:write")) == (403, "scope_missing")


async def test_an_alert_has_its_history_in_words_and_what_comes_next(api: Api) -> None:
    """Who was told, without any address; the regions below; the next escalation and who holds its roles."""
    low = (await api.admin("GET", f"/v1/alerts/{(await api.alert())['id']}")).json()
    assert [one["line"]["what"] for one in low["history"]] == ["move", "message"]
    assert [one["words"]["en"] for one in low["history"]] == [
        "The alert was raised.", "The first message to Gubernur Aceh by e-mail.",
    ]  # fmt: skip
    assert low["raised_by"]["active"] == 300
    assert low["children"]["items"]
    assert [(one["official"], one["channel"], one["state"]) for one in low["deliveries"]] == [("g", "email", "waiting")]
    assert "@" not in str(low)
    short = (await api.admin("GET", f"/v1/alerts/{(await api.alert('short'))['id']}")).json()
    assert [one["words"]["id"] for one in short["history"]][1:] == ["Pesan awal untuk b menunggu ringkasan."]
    assert (short["next_escalation"]["roles"], short["next_escalation"]["officials"]) == (["gubernur"], ["g"])
    assert refused(await api.admin("GET", "/v1/alerts/x")) == (404, "unknown_alert")


async def test_an_officials_token_acknowledges_as_that_official(api: Api) -> None:
    """With a note; a second one keeps the first; nothing escalates any more."""
    id_ = (await api.alert("short"))["id"]
    answer = await api.ask("POST", f"/v1/alerts/{id_}/ack", "alerts:ack", ACEH, json={"note": "rapat Senin"})
    assert (answer.status_code, answer.json()) == (200, {"alert": id_, "by": "g", "note": "rapat Senin"})
    again = await api.ask("POST", f"/v1/alerts/{id_}/ack", "alerts:ack", ("bupati", "11.01"), json={})
    assert again.json()["by"] == "g"
    report = (await api.admin("GET", f"/v1/alerts/{id_}")).json()
    assert report["alert"]["acknowledged"]["note"] == "rapat Senin"
    assert report["next_escalation"] is None
    assert [one["id"] for one in (await api.admin("GET", "/v1/alerts?acknowledged=true")).json()["items"]] == [id_]


async def test_only_who_may_acknowledges(api: Api) -> None:
    """Someone in office for the region or one above; a program names them."""
    id_ = (await api.alert())["id"]
    path = f"/v1/alerts/{id_}/ack"
    for who, code in ((("gubernur", "12"), "outside_your_region"), (("sekda_provinsi", "11"), "not_in_office")):
        assert refused(await api.ask("POST", path, "alerts:ack", who, json={})) == (403, code)
    assert refused(await api.ask("POST", path, "coverage:read", ACEH, json={})) == (403, "scope_missing")
    assert refused(await api.admin("POST", path, json={})) == (422, "official_missing")
    assert refused(await api.admin("POST", path, json={"official": "b"})) == (422, "official_not_responsible")
    assert refused(await api.admin("POST", path, json={"notes": ""})) == (422, "malformed_request")
    assert (await api.admin("POST", path, json={"official": "g"})).json()["by"] == "g"


async def test_an_alert_that_has_ended_cannot_be_acknowledged(api: Api) -> None:
    """Its end is in the history."""
    alert = await api.alert()
    api.clock.advance(timedelta(hours=1))
    await api.see(snapshot(500, position=9, potential_workers=1_000, at=api.clock.now()))
    assert (await api.alert())["state"] == "recovered"
    answer = await api.ask("POST", f"/v1/alerts/{alert['id']}/ack", "alerts:ack", ACEH, json={})
    assert refused(answer) == (409, "alert_ended")


async def test_what_nobody_evaluates_yet_is_durable_and_answered_202(
    idle: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is applied by whoever evaluates next."""
    monkeypatch.setattr("services.notifier.http.given._APPLIED_WITHIN_S", 0.05)
    body = {"id": "later", "regions": ["11"], "until": (NOW + timedelta(days=1)).isoformat()}
    answer = await idle.admin("POST", "/v1/silences", json=body)
    assert (answer.status_code, answer.json(), answer.headers["location"]) == (
        202, {"state": "waiting", "input": 1}, "/v1/silences",
    )  # fmt: skip
    assert [one.by for one in await idle.inputs.waiting()] == ["someone"]


async def test_silences_begin_are_listed_and_end(api: Api) -> None:
    """With who began each and why."""
    until = (NOW + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    body = {"id": "audit", "rules": ["low"], "regions": ["11"], "until": until, "comment": "audit data"}
    begun = await api.admin("POST", "/v1/silences", json=body)
    assert (begun.status_code, begun.json()["by"]) == (201, "someone")
    assert (await api.admin("GET", "/v1/silences")).json()["items"] == [begun.json()]
    assert begun.json() | {"by": None, "given_at": None} == body | {"by": None, "given_at": None}
    assert (await api.admin("DELETE", "/v1/silences/audit")).status_code == 204
    assert (await api.admin("GET", "/v1/silences")).json()["items"] == []
    assert refused(await api.admin("DELETE", "/v1/silences/audit")) == (404, "unknown_silence")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"rules": ["none"]}, 422, "unknown_rule"),
        ({"regions": ["99"]}, 404, "unknown_region"),
        ({"regions": []}, 422, "malformed_request"),
        ({"until": NOW.isoformat()}, 422, "until_has_passed"),
        ({"until": "2027-01-01T00:00:00"}, 422, "malformed_request"),
        ({"more": 1}, 422, "malformed_request"),
    ],
)
async def test_a_silence_that_would_not_do_what_is_meant_is_refused(
    api: Api, change: dict[str, Any], status: int, code: str
) -> None:
    """Nothing is silenced then."""
    body = {"regions": ["11"], "until": (NOW + timedelta(days=1)).isoformat(), **change}
    assert refused(await api.admin("POST", "/v1/silences", json=body)) == (status, code)
    assert refused(await api.ask("POST", "/v1/silences", json=body)) == (403, "scope_missing")
    assert (await api.admin("GET", "/v1/silences")).json()["items"] == []


async def test_the_directory_is_replaced_as_a_whole_and_kept(api: Api) -> None:
    """From YAML, JSON and CSV alike; a dry run changes nothing; each version stays readable."""
    text = yaml.safe_dump({"officials": [*OFFICIALS, official("n", "kemnaker", "ID", "n@example.id")]})
    types = {"content-type": "application/yaml"}
    tried = await api.admin("PUT", "/v1/officials?dry_run=true", content=text, headers=types)
    assert tried.json() == {"version": None, "officials": 4, "added": 1, "changed": 0, "removed": 0}
    assert (await api.admin("PUT", "/v1/officials", content=text, headers=types)).json()["version"] == 2
    csv = "id,name,role,region,email,quiet_from,quiet_to\ng,G,gubernur,11,g@example.id x@example.id,22:00,06:00\n"
    put = await api.admin("PUT", "/v1/officials", content=csv, headers={"content-type": "text/csv"})
    assert put.json() == {"version": 3, "officials": 1, "added": 0, "changed": 1, "removed": 3}
    now = (await api.admin("GET", "/v1/officials")).json()
    assert [(one["id"], len(one["channels"]), one["in_office"]) for one in now["items"]] == [("g", 2, True)]
    assert (await api.admin("PUT", "/v1/officials", json=[])).json()["removed"] == 1
    versions = (await api.admin("GET", "/v1/officials/versions")).json()["items"]
    assert [(one["version"], one["officials"]) for one in versions] == [(4, 0), (3, 1), (2, 4), (1, 3)]
    second = (await api.admin("GET", "/v1/officials/versions/2?limit=3")).json()
    assert [one["id"] for one in second["items"]] == ["b", "g", "n"]
    assert refused(await api.admin("GET", "/v1/officials/versions/9")) == (404, "unknown_version")


async def test_retired_codes_are_those_of_their_successors(api: Api) -> None:
    """In what is asked, in silences and in files of officials."""
    retired, successor = "11.72.01.2001", "11.72.03.2001"
    assert (await api.admin("GET", f"/v1/alerts?region={retired}")).json()["items"] == []
    body = {"regions": [retired], "until": (NOW + timedelta(days=1)).isoformat()}
    assert (await api.admin("POST", "/v1/silences", json=body)).json()["regions"] == [successor]
    put = await api.admin("PUT", "/v1/officials", json=[official("k", "kepala_desa", retired, "k@example.id")])
    assert put.json()["added"] == 1
    shown = (await api.admin("GET", f"/v1/officials?region={retired}")).json()["items"]
    assert [one["region"] for one in shown] == [successor]


async def test_addresses_are_shown_to_operators_only(api: Api) -> None:
    """An official sees who holds which office in the own region and below."""
    seen = (await api.ask("GET", "/v1/officials", official=ACEH)).json()
    assert [(one["id"], one["channels"]) for one in seen["items"]] == [
        ("b", [{"kind": "email", "address": None}]), ("g", [{"kind": "email", "address": None}]),
    ]  # fmt: skip
    operators = (await api.admin("GET", "/v1/officials?limit=1")).json()
    assert operators["items"][0]["channels"][0]["address"] == "b@example.id"
    assert (await api.admin("GET", f"/v1/officials?cursor={operators['next']}")).json()["items"][0]["id"] == "g"


async def test_a_directory_with_faults_is_refused_with_a_report_of_each(api: Api) -> None:
    """Line and row, id, field, what is wrong; the directory in force stays."""
    csv = "id,name,role,region,email\ng,G,gubernur,11,g@\nb,B,bupati,11.01,b@example.id\nb,C,camat,12,c@example.id\n"
    answer = await api.admin("PUT", "/v1/officials", content=csv, headers={"content-type": "text/csv"})
    assert refused(answer) == (422, "officials_refused")
    (error,) = answer.json()["errors"]
    assert (error["line"], error["entry"], error["id"], error["field"]) == (4, 3, "b", "id")
    answer = await api.admin(
        "PUT", "/v1/officials", content=csv.replace("\nb,C", "\nc,C"), headers={"content-type": "text/csv"}
    )
    assert {(one["line"], one["field"]) for one in answer.json()["errors"]} == {
        (2, "channels.0.address"), (4, "role"),
    }  # fmt: skip
    bomb = "a: &a [x, x]\nofficials: [*a, *a]\n"
    for content, media_type, code in (
        (bomb, "application/yaml", "officials_refused"),
        (b"\xff", "application/yaml", "officials_refused"),
        ("[" * 100_000, "application/json", "officials_refused"),
        ("{", "application/json", "officials_refused"),
        ("id;name\n", "text/csv", "officials_refused"),
    ):
        put = await api.admin("PUT", "/v1/officials", content=content, headers={"content-type": media_type})
        assert refused(put) == (422, code)
        assert put.json()["wrong"] == 1
    assert refused(await api.admin("PUT", "/v1/officials", content="x", headers={"content-type": "text/plain"})) == (
        415, "unsupported_media_type",
    )  # fmt: skip
    assert (await api.admin("GET", "/v1/officials")).json()["version"] == 1


async def test_a_test_message_goes_out_through_the_officials_channels(api: Api) -> None:
    """It is a delivery like any other, whose subject says that it is a test."""
    answer = await api.admin("POST", "/v1/officials/g/test?rule=low")
    assert answer.status_code == 202
    stored = await api.mongo["deliveries"].find_one({"_id": answer.json()["deliveries"][0]})
    assert stored["state"] == "waiting"
    assert stored["message"]["subject"].startswith("[UJI COBA] ")
    assert "<strong>[UJI COBA]</strong>" in stored["message"]["html"]
    assert refused(await api.admin("POST", "/v1/officials/x/test?rule=low")) == (404, "unknown_official")
    assert refused(await api.admin("POST", "/v1/officials/g/test?rule=x")) == (404, "unknown_rule")
    assert refused(await api.admin("POST", "/v1/officials/s/test?rule=low")) == (409, "no_example")


async def test_rules_are_listed_with_their_versions(api: Api) -> None:
    """Each version's text is as its file was."""
    found = (await api.ask("GET", "/v1/rules")).json()
    assert (found["version"], [(one["id"], one["kind"]) for one in found["items"]]) == (
        1, [("low", "threshold"), ("short", "threshold")],
    )  # fmt: skip
    assert [one["version"] for one in (await api.admin("GET", "/v1/rules/versions")).json()["items"]] == [1]
    text = (await api.admin("GET", "/v1/rules/versions/1")).text
    assert [one["id"] for one in yaml.safe_load(text)["rules"]] == ["low", "short"]
    assert refused(await api.admin("GET", "/v1/rules/versions/2")) == (404, "unknown_version")


async def test_deliveries_are_listed_and_dead_ones_sent_again(api: Api) -> None:
    """Only for operators, since they show addresses."""
    (waits,) = (await api.admin("GET", "/v1/deliveries?state=waiting&official=g&kind=email&region=11")).json()["items"]
    assert (waits["address"], waits["occasion"], waits["next_try_at"] is not None) == ("g@example.id", "raised", True)
    again = f"/v1/deliveries/{waits['id']}/resend"
    assert refused(await api.admin("POST", again)) == (409, "not_dead")
    await api.mongo["deliveries"].update_one({"_id": waits["id"]}, {"$set": {"state": "dead", "reason": "550 no"}})
    assert (await api.admin("GET", "/v1/deliveries?state=dead")).json()["items"][0]["reason"] == "550 no"
    assert (await api.admin("POST", again)).json()["state"] == "waiting"
    assert refused(await api.admin("POST", "/v1/deliveries/x/resend")) == (404, "unknown_delivery")
    assert refused(await api.ask("GET", "/v1/deliveries", official=ACEH)) == (403, "scope_missing")
    assert refused(await api.ask("GET", "/v1/deliveries", "notifier:admin", ("gubernur", "12"), params={
        "region": "11",
    })) == (403, "outside_your_region")  # fmt: skip


async def test_a_link_shows_a_button_and_only_the_button_acknowledges(api: Api) -> None:
    """Mail scanners follow links. The page is kept by nobody, and sends its form nowhere else."""
    alert = await api.alert()
    path = api.links.url(alert["id"], "g", NOW + timedelta(days=1)).removeprefix("http://n")
    for _ in range(2):
        page = await api.http.get(path)
        assert (page.status_code, "<button" in page.text) == (200, True)
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert re.search(r"Aceh: rendah.*Aceh: low", page.text, re.DOTALL)
    assert (await api.alert())["acknowledged"] is None
    done = await api.http.post(path, data={"note": "<b>rapat</b>"})
    assert (done.status_code, "<button" in done.text) == (200, False)
    taken = (await api.alert())["acknowledged"]
    assert (taken["by"], taken["note"]) == ("g", "<b>rapat</b>")
    for method in ("GET", "POST"):
        used = await api.http.request(method, path)
        assert (used.status_code, "sudah dipakai" in used.text) == (410, True)


async def test_a_link_that_is_late_changed_or_of_someone_else_does_nothing(api: Api) -> None:
    """Each has its status and says what to do."""
    id_, later = (await api.alert())["id"], NOW + timedelta(days=1)
    good = api.links.url(id_, "g", later)
    head, _, signature = good.rpartition(".")
    other = api.links.url((await api.alert("short"))["id"], "g", later).rpartition(".")[0]
    for url, status, said in (
        (api.links.url(id_, "g", NOW - timedelta(seconds=1)), 410, "kedaluwarsa"),
        (f"{other}.{signature}", 403, "tidak berlaku"),
        (f"{head}x.{signature}", 403, "tidak berlaku"),
        ("http://n/ack/x", 403, "tidak berlaku"),
        (api.links.url("unknown", "g", later), 404, "tidak dikenal"),
        (api.links.url(id_, "s", later), 403, "tidak lagi menjabat"),
        (api.links.url(id_, "nobody", later), 403, "tidak lagi menjabat"),
    ):
        for method in ("GET", "POST"):
            answer = await api.http.request(method, url.removeprefix("http://n"))
            assert (answer.status_code, said in answer.text) == (status, True), url
    assert (await api.alert())["acknowledged"] is None
    assert (await api.http.post(good.removeprefix("http://n"), content=b"note=" + b"x" * 20_000)).status_code == 413
    api.clock.advance(timedelta(hours=1))
    await api.see(snapshot(500, position=9, potential_workers=1_000, at=api.clock.now()))
    for method in ("GET", "POST"):
        ended = await api.http.request(method, good.removeprefix("http://n"))
        assert (ended.status_code, "sudah berakhir" in ended.text) == (409, True)


async def test_two_clicks_at_once_use_the_link_once(api: Api) -> None:
    """One of them is told that it was used already."""
    path = api.links.url((await api.alert())["id"], "g", NOW + timedelta(days=1)).removeprefix("http://n")
    answers = await asyncio.gather(*(api.http.post(path, data={"note": str(n)}) for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410]

"""The import command and the registry's processes, while both are killed."""

from __future__ import annotations

import signal
from pathlib import Path

from services.registry.settings import RegistrySettings
from shared.adapters.mongo import Mongo
from tests.factories_registry import NIK, VILLAGE
from tests.integration.registry.replicas import Replica, command, ended, replicas
from tests.integration.registry.serving import make_topics
from tests.tokens import Issuer
from tests.waiting import eventually

PEOPLE = 8000
BAD = 5000
HEADER = "id,source,type,time,scheme,identity,region,segment"


def written(folder: Path) -> Path:
    """Write a file of 8,000 people; the 5,000th row names a region that does not exist."""
    rows = [
        f"c-{n},bpjs/aceh,enrolled,2026-09-30,nik,{NIK[:12]}{n:04d},{VILLAGE if n != BAD else '99.01'},BPU"
        for n in range(1, PEOPLE + 1)
    ]
    file = folder / "people.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n")
    return file


async def begun(replica: Replica, token: str) -> None:
    """Return once some lines of the only import are decided, while it runs."""

    async def some() -> bool:
        jobs = await replica.imports(token)
        assert [job["state"] for job in jobs] == ["running"]
        return bool(jobs[0]["lines"])

    await eventually(some, within_s=60)


async def test_an_import_outlives_its_sender_and_its_replica(
    settings: RegistrySettings, issuer: Issuer, tmp_path: Path
) -> None:
    """Command and replica are killed on the way; the same command, at another replica, ends with every line decided.

    Accepted or repeated are all but the one bad line, which stands in the rejects; every person is stored once.
    """
    await make_topics(settings)
    file, token_file = written(tmp_path), tmp_path / "token"
    token_file.write_text(issuer.token())
    options = (str(file), "--token-file", str(token_file), "--url")
    async with replicas(settings, tmp_path, 2) as (first, second):
        killed = await command(*options, first.url)
        await begun(first, issuer.token())
        killed.send_signal(signal.SIGKILL)
        await first.child.kill()
        await ended(killed)
        code, said = await ended(await command(*options, second.url))
        (job,) = await second.imports(issuer.token())
    assert (code, job["state"], job["lines"]) == (1, "done", PEOPLE), said
    outcomes = job["outcomes"]
    assert (outcomes["accepted"] + outcomes["repeated"], outcomes["refused"]) == (PEOPLE - 1, 1)
    rejects = file.with_name("people.csv.rejected.csv")
    assert f"1 rejected lines, with reasons: {rejects}" in said
    assert rejects.read_text().splitlines()[1].startswith(f"{BAD + 1},bpjs/aceh,c-{BAD},unknown_region,data.region,")
    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), "looking-on")
    assert await mongo["participants"].count_documents({}) == PEOPLE - 1
    mongo.close()

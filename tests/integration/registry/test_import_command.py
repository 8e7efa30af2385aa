"""The import command and the registry's processes, while both are killed."""

from __future__ import annotations

import asyncio
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

from services.registry.settings import RegistrySettings
from shared.adapters.mongo import Mongo
from tests.chaos.replicas import started
from tests.factories_registry import NIK, VILLAGE
from tests.integration.registry.commands import PROGRAM
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


async def command(*arguments: str) -> Process:
    """Return the running import command, with both its outputs as one."""
    return await asyncio.create_subprocess_exec(*PROGRAM, "import", *arguments, stdout=PIPE, stderr=STDOUT)


async def test_an_import_outlives_its_sender_and_its_registry(
    settings: RegistrySettings, issuer: Issuer, tmp_path: Path
) -> None:
    """Command and registry are killed on the way; the same command goes on, and every line is decided.

    The one bad line stands in the refused lines; every person is stored once.
    """
    await make_topics(settings)
    file, token_file = written(tmp_path), tmp_path / "token"
    token_file.write_text(issuer.token())
    state, refused = file.with_name("people.csv.import-state"), file.with_name("people.csv.rejected.csv")
    options = (str(file), "--token-file", str(token_file), "--url")
    async with started(settings, 1, tmp_path) as (replica,):
        killed = await command(*options, replica.url)
        await eventually(lambda: asyncio.to_thread(state.exists), within_s=60)
        killed.send_signal(signal.SIGKILL)
        await replica.kill()
        await killed.communicate()
        going_on = await command(*options, replica.url)
        await replica.start()
        output, _ = await going_on.communicate()
    said = output.decode()
    assert going_on.returncode == 1, said
    counted = {outcome: int(count.replace(",", "")) for outcome, count in re.findall(r"(\w+) +│ +([\d,]+) ", said)}
    assert (counted["accepted"] + counted["duplicate"], counted["refused"], counted["all"]) == (PEOPLE - 1, 1, PEOPLE)
    assert "going on after them" in said
    assert refused.read_text().splitlines()[1].startswith(f"{BAD + 1},bpjs/aceh,c-{BAD},region,unknown_region,")
    assert not state.exists()
    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), "looking-on")
    assert await mongo["participants"].count_documents({}) == PEOPLE - 1
    mongo.close()

"""The ledger's root by e-mail: once a day, whole enough to be compared with the ledger later."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ombud import process
from ombud.desk.trail import root_mail
from ombud.kernel import clock
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import checkpoints
from ombud.trust.ledger_verify import verify
from ombud_plugin_api.errors import Misconfigured

ADDRESS = "roots@elsewhere.example"


@pytest.fixture
def addressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings name an address."""
    known = process.settings()
    named = replace(known, ledger=replace(known.ledger, publish_email=ADDRESS))
    monkeypatch.setattr(root_mail, "settings", lambda: named)


async def send() -> None:
    await root_mail.send({}, None)  # type: ignore[arg-type]


async def mails() -> list[Any]:
    rows = await db.fetch(
        "SELECT m.body, m.subject, o.recipient, o.kind FROM core_outgoing o JOIN core_message m ON m.id = o.id "
        "WHERE o.kind = 'root' ORDER BY m.recorded_at"
    )
    return list(rows)


@pytest.mark.usefixtures("addressed")
async def test_the_newest_root_goes_out_once_a_day_and_the_ledger_is_compared_with_it(
    desk_with_dummy: Any, tmp_path: Path
) -> None:
    await desk_with_dummy.file()
    await send()
    assert await mails() == [], "there is no checkpoint yet"
    await checkpoints.make_checkpoint()
    for _ in range(2):
        await send()
    (mail,) = await mails()
    assert mail["recipient"]["email"] == ADDRESS
    (line,) = [each for each in mail["body"].splitlines() if each.startswith("{")]
    copy = tmp_path / "from-the-mail.txt"
    copy.write_text(f"{line}\n")
    assert (await verify(publish_file=copy)).published == 1
    with clock.at(now() + timedelta(days=1)):
        await send()
    assert len(await mails()) == 2
    told = json.loads(line)
    copy.write_text(json.dumps({**told, "hash": "0" * len(told["hash"])}) + "\n")
    assert "is not the one that was published" in (await verify(publish_file=copy)).broken


@pytest.mark.usefixtures("addressed")
async def test_a_desk_that_sends_no_mail_says_so_among_its_jobs(desk: Any) -> None:
    await desk.file()
    await checkpoints.make_checkpoint()
    with pytest.raises(Misconfigured, match="Nothing sends e-mail here"):
        await send()


async def test_without_an_address_nothing_is_written(desk_with_dummy: Any) -> None:
    await desk_with_dummy.file()
    await checkpoints.make_checkpoint()
    await send()
    assert await mails() == []

"""What the tests of letters share."""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ombud.desk.platform import context_in
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.policy import SYSTEM, Viewer
from ombud_plugin_api import Context, OutboundMessage, Recipient

HEAD = {
    "firm_name": "Modra Bank", "firm_lines": "Complaints team\n12 Harbour Street\nLondon EC1A 1AA",
    "return_address": "Modra Bank, 12 Harbour Street, London EC1A 1AA",
    "footer": "Modra Bank plc. Registered in England, number 01234567.",
}  # fmt: skip
TEXT = "Dear Ms Marsh,\n\nWe paid the fee back.\n\nYours sincerely,\nJan Kowalski"
ADDRESS = "Flat 3\n27 Long Acre Gardens\nBrighton\nBN1 4GH"


@pytest.fixture
async def letters_desk(desk: Any) -> Any:
    """A desk with the plugin on and a letterhead set."""
    await desk.enable("letters")
    await choose(**HEAD)
    return desk


async def choose(**values: Any) -> None:
    version = next((each.version for each in await group_settings.levels("p-letters") if each.unit_id is None), 0)
    await group_settings.change(SYSTEM, "p-letters", group_settings.Change(values=values), version=version)


async def context(slug: str = "letters") -> Context:
    """As core hands it to a deliverer in the work process."""
    return await context_in(slug, Viewer(actor=f"plugin/{slug}"))


Make = Callable[..., Awaitable[OutboundMessage]]


@pytest.fixture
def message_of(letters_desk: Any) -> Make:
    """A message as core froze it, with its row in a case."""

    async def make(**about: Any) -> OutboundMessage:
        filed = about.pop("filed", None) or await letters_desk.file("The fee was taken twice.")
        person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
        identity = uuid4()
        await add_message(identity, filed.case_id, person)
        recipient = Recipient(name=about.pop("name", "Ms Helena Marsh"), address=about.pop("address", ADDRESS))
        return OutboundMessage(
            id=identity, channel="letter", kind=about.pop("kind", "reply"), recipient=recipient,
            subject=about.pop("subject", "Your complaint about the fee"), text=about.pop("text", TEXT),
            reference=filed.reference, **about,
        )  # fmt: skip

    return make


async def add_message(identity: UUID, case_id: UUID, person_id: UUID) -> None:
    now = datetime.now(UTC)
    await db.execute(
        "INSERT INTO core_message (id, case_id, person_id, channel, direction, subject, body, said_at, recorded_at, "
        "key, decision, decision_reason, decided_by) "
        "VALUES ($1, $2, $3, 'letter', 'out', '', '', $4, $4, '', '', '', '')",
        identity, case_id, person_id, now,
    )  # fmt: skip

"""What was typed and not sent is found by the address, handed out, and destroyed with its files."""

from typing import Any

from ombud.desk.platform import context_in
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import PersonSought
from ombud_webform import unsent

STEPS = "/p/webform/"


async def _typed(desk: Desk, name: str, email: str, phone: str = "") -> None:
    form = desk.browser()

    async def press(step: str, files: Any = None, **typed: Any) -> None:
        await form.submit(f"{STEPS}{step}", {"do": "next", **typed}, page=STEPS, files=files)

    await press("matters", open="m1", text=f"{name} was charged twice.")
    await press("about", name=name, email=email, phone=phone, postcode="")
    await press("files", files={"documents": ("bill.txt", b"The bill, in words.", "text/plain")})


async def test_an_unsent_complaint_is_found_by_whole_addresses_and_numbers_and_destroyed_with_its_files(
    desk: Desk,
) -> None:
    await desk.enable("webform")
    await _typed(desk, "Helena Marsh", "Helena@example.org")
    await _typed(desk, "Igor Marsh", "igor@example.org", "0044 7700 900 123")
    context = await context_in("webform", SYSTEM)
    (found,) = await unsent.collect(PersonSought("1", "Helena Marsh", ("helena@example.org",)), context)
    assert found["matters"][0]["text"] == "Helena Marsh was charged twice."
    assert found["files"] == ["bill.txt"]
    (other,) = await unsent.collect(PersonSought("2", "I. Marsh", (), ("07700 900123",)), context)
    assert other["name"] == "Igor Marsh"
    for nobody in (PersonSought("3", "Helena Marsh"), PersonSought("4", "", ("a@example.org",), ("0123",))):
        assert await unsent.collect(nobody, context) == []
    sought = PersonSought("1", "Helena Marsh", ("helena@example.org",))
    assert await unsent.erase(sought, context) == 1
    assert await unsent.erase(sought, context) == 0
    assert await db.fetchval("SELECT count(*) FROM webform_draft") == 1
    assert await db.fetchval("SELECT count(*) FROM webform_file") == 1
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/webform'") == 1

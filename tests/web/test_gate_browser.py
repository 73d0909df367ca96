"""The gate in a real browser: found while typing, a click leads to the passage, and a letter that is mended leaves."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from playwright.async_api import expect

from ombud.desk import aspects
from ombud.desk.redress.lines import RedressGiven
from ombud.kernel.database import db
from ombud.testing_desk import Desk

WRONG = "Dear Helena,\n\nThe fee was taken twice. It is upheld, and we pay you €24.00.\n\nYours, the desk"


async def test_a_wrong_sum_is_found_while_typing_and_a_click_leads_to_it(
    desk: Desk, browsing: Callable[..., Any]
) -> None:
    filed = await desk.file("The fee was taken twice.")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    given = (RedressGiven("money", Decimal(42), "EUR"),)
    await aspects.decide_aspect(
        await desk.viewer("agent"), aspect, aspects.Decision("upheld", "Our fault.", "", given), None
    )
    async with browsing(desk, "leader") as (page,):
        await page.goto(f"/cases/{filed.reference}")
        await page.locator("#composer [name=letter]").select_option("final_response")
        await expect(page.get_by_text("Before it leaves")).to_be_visible()
        await page.locator("#composer-text").fill(WRONG)
        await expect(page.get_by_text("€24.00 is not the redress of aspect A; the record says €42.00")).to_be_visible()
        await page.locator("[data-passage]").click()
        picked = await page.evaluate(
            "(() => { const box = document.getElementById('composer-text');"
            " return box.value.slice(box.selectionStart, box.selectionEnd) })()"
        )
        assert picked == "€24.00"
        await page.locator("#composer").get_by_role("button", name="Send").first.click()
        await expect(page.locator("#composer-error").get_by_text("Your text is safe")).to_be_visible()
        await expect(page.locator("#composer-text")).to_have_value(WRONG)
        await page.locator("#composer-text").fill(WRONG.replace("€24.00", "€42.00"))
        await expect(page.get_by_text("Nothing is missing.")).to_be_visible()
        await page.locator("#composer").get_by_role("button", name="Send").first.click()
        await expect(page.get_by_text("Leaves by")).to_be_visible()

"""Plugins that show a complaint to who holds its link."""

from typing import ClassVar

from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject


class TrackingContract(Contract):
    """What plugins of kind `tracking` promise."""

    kind: ClassVar[str] = "tracking"
    title: ClassVar[str] = "Plugins that show a complaint to its holder"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return "tracking" in plugin.kinds

    @check(
        "basic-80",
        "A good link shows the complaint, a bad one a friendly refusal that gives nothing away",
        why="The link is all a customer has. Who guesses one must learn nothing, not even whether a complaint exists.",
        example='[doors]\ntrack = "{token}"',
        remedy="Serve the door `track`, show what platform.follow gives, and answer BadLink with 404 or 410 and words.",
    )
    async def links_lead_to_the_complaint(self) -> None:
        await self.stage.enable()
        if "track" not in self.plugin.manifest.doors:
            raise Broken("its manifest opens no door `track`")
        person, browser = Marked.person(41), self.stage.browser()
        filed = await self.stage.file(person)
        good = await browser.get("/track/" + filed.track_url.rsplit("/", 1)[-1])
        if good.status_code != 200 or filed.reference not in good.text:
            raise Broken(f"a good link answers {good.status_code} and does not show the reference")
        bad = await browser.get("/track/nobody-ever-got-this-link")
        if bad.status_code not in {404, 410} or person.mark in bad.text:
            raise Broken(f"a link that was never given answers {bad.status_code}")
        if len(bad.text) < 200:
            raise Broken("a link that was never given gets no words")

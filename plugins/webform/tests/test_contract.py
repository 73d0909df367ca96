"""What a plugin promises, and what happens to the form's rows when a case goes."""

from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_plugin_api import RawReceipt
from ombud_plugin_api.testing import Marked, PluginContract, Subject
from ombud_webform.complaint import MatterGiven, Submission, receipt


class TestContract(PluginContract):
    slug = "webform"
    jobs = {"sweep": {}}

    def receipt(self, plugin: Subject, channel: str, person: Marked) -> RawReceipt:
        """What the form would have core keep."""
        told = Submission(name=person.name, email=person.email, matters=(MatterGiven(text=person.text),))
        return receipt(person.mark, told)


async def test_when_a_case_goes_its_answer_for_a_second_send_goes_too(desk: Desk) -> None:
    await desk.enable("webform")
    foreign = await db.fetch(
        "SELECT confdeltype FROM pg_constraint WHERE conrelid = 'webform_sent'::regclass AND contype = 'f'"
    )
    assert [bytes(row["confdeltype"]) for row in foreign] == [b"c"]

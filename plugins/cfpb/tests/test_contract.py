"""What a plugin promises; the kit uploads an export with one complaint, as whoever imports it does."""

from datetime import date

from ombud_cfpb.channel import receipt_of
from ombud_cfpb.reading import Row
from ombud_plugin_api import RawReceipt
from ombud_plugin_api.testing import Marked, PluginContract, Stage, Subject

COLUMNS = {"name_column": "Consumer", "email_column": "E-mail", "phone_column": "Phone"}


class TestContract(PluginContract):
    slug = "cfpb"
    aims = "exemplary"
    jobs = {"import": {"import": "00000000-0000-0000-0000-000000000000"}}

    async def door(self, stage: Stage, plugin: Subject, person: Marked, twice: bool = False) -> bool:
        for name, value in {"applies": "always", **COLUMNS}.items():
            await stage.set_setting(name, value)
        who = await stage.signed_in("leader")
        cells = (
            person.mark,
            "2026-03-02",
            "Fees",
            person.text,
            person.postcode,
            person.name,
            person.email,
            person.phone,
        )
        head = "Complaint ID,Date sent to company,Issue,Consumer complaint narrative,ZIP code,Consumer,E-mail,Phone"
        data = f"{head}\n{','.join(cells)}\n".encode()
        for _ in range(2 if twice else 1):
            await who.get("/p/cfpb/imports")
            sent = await who.post("/p/cfpb/imports", {"unit": "main"}, {"file": ("portal.csv", data, "text/csv")})
            await stage.work()
        return sent.status_code == 200

    def receipt(self, plugin: Subject, channel: str, person: Marked) -> RawReceipt:
        """A row as core keeps it."""
        row = Row(line=2, complaint_id=person.mark, sent=date(2026, 3, 2), issue="Fees", narrative=person.text,
                  zip_code=person.postcode, name=person.name, email=person.email, phone=person.phone)  # fmt: skip
        return receipt_of(row, "")

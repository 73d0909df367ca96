"""What a plugin promises; the kit scans a letter that carries its text, looks it over as a person would, and takes
it in."""

import re
import sys
from pathlib import Path

from ombud_letters.channel import receipt
from ombud_plugin_api import RawReceipt
from ombud_plugin_api.testing import Marked, PluginContract, Stage, Subject

sys.path.insert(0, str(Path(__file__).parent))
import papers


class TestContract(PluginContract):
    slug = "letters"
    aims = "exemplary"
    jobs = {"tend": {}}

    async def door(self, stage: Stage, plugin: Subject, person: Marked, twice: bool = False) -> bool:
        """Everything the person wrote stands on the page; who wrote is typed by whoever looks it over."""
        leader = await stage.signed_in("leader")
        scan = papers.pdf(f"{person.name}\n{person.postcode}\n{person.phone}\n{person.email}\n\n{person.text}")
        for _ in range(2 if twice else 1):
            sent = {"scan": ("post.pdf", scan, "application/pdf")}
            answer = await leader.post("/p/letters/scans", {"on": "2026-01-05"}, sent)
        await stage.work()
        page = str(answer.url)
        for _ in range(2 if twice else 1):
            html = (await leader.get(page)).text
            letter = re.search(r'action="(/p/letters/scans/[^"]+/letters/[^"/]+)"', html)
            if letter is None:
                break
            version = re.search(r'name="version" value="(\d+)"', html)
            assert version is not None
            said = {
                "version": version[1], "sender": person.name, "email": person.email, "phone": person.phone,
                "postcode": person.postcode, "text": person.text, "received_on": "2026-01-05", "step": "take",
            }  # fmt: skip
            await leader.post(letter[1], said)
            await stage.work()
        return True

    def receipt(self, plugin: Subject, channel: str, person: Marked) -> RawReceipt:
        said = {
            "sender": {"name": person.name, "email": person.email, "phone": person.phone, "postcode": person.postcode},
            "text": person.text, "received_at": "2026-01-05T12:00:00+00:00", "read": "person",
        }  # fmt: skip
        return receipt(person.mark, said, papers.pdf(person.text))

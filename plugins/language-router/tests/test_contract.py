"""What every plugin promises, tried on a whole desk; and that core hears what this one says."""

from ombud.desk.routing import assigning, profiles
from ombud.desk.routing.profiles import ProfileGiven
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.testing import PluginContract


class TestContract(PluginContract):
    slug = "language-router"
    aims = "exemplary"


async def test_an_english_case_leaves_the_only_polish_speaker_free(desk: Desk) -> None:
    await desk.enable("language-router")
    await db.execute("DELETE FROM core_user_role")
    spoken = {"a-polish": ("en", "pl"), "b-english": ("en",), "c-english": ("en",)}
    people = {}
    for name, languages in spoken.items():
        people[name] = await desk.user(name, "agent")
        await profiles.set_profile(SYSTEM, people[name], ProfileGiven(languages=languages), 0)
    for number in range(2):
        filed = await desk.file(f"Matter {number}.", name=f"Customer {number}", email=f"c{number}@example.org")
        assert (await assigning.assign_by_routing(filed.case_id)).owner != people["a-polish"]
    polish = await desk.file("Opłata.", language="pl", name="Somebody else", email="else@example.org")
    assert (await assigning.assign_by_routing(polish.case_id)).owner == people["a-polish"]

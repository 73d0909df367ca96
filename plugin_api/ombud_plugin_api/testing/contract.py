"""What a plugin's tests/test_contract.py inherits.

from ombud_plugin_api.testing import PluginContract


class TestContract(PluginContract):
    slug = "postbox"
"""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from ombud_plugin_api.errors import PluginFault
from ombud_plugin_api.facts import RawReceipt
from ombud_plugin_api.testing import doors
from ombud_plugin_api.testing.checks import TIERS, Broken, NotTried
from ombud_plugin_api.testing.stage import Marked, Received, Stage
from ombud_plugin_api.testing.subject import Subject, subject_of


class PluginContract:
    """One test for each check that concerns the plugin. Set `slug`; the rest says what the kit cannot find out by
    itself, and each part may be left as it is.

    `aims`: the highest tier whose checks are tried here; `ombud plugin check` tries them all.
    `addresses`: values for the parts of the plugin's addresses, such as `{"run_id": "…"}`.
    `jobs`: a payload for each job that can be run without anything before it.
    `arguments`: by the key of a condition or an action, values of arguments that cannot be made up from its schema.
    `patience`: seconds that one check may take.
    """

    slug: ClassVar[str] = ""
    aims: ClassVar[str] = "sound"
    addresses: ClassVar[Mapping[str, str]] = {}
    jobs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    arguments: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    patience: ClassVar[float] = 90.0

    async def door(self, stage: Stage, plugin: Subject, person: Marked, twice: bool = False) -> bool:
        """Brings what this person says in by the plugin's own door, as they would: the public form, an upload, bytes
        through a channel. `twice`: everything is sent a second time, as by a double click or a sender that repeats.
        Returns False where there is no door."""
        if await doors.through_pages(stage, plugin, person, twice):
            return True
        return await doors.through_channels(stage, plugin, person, self.receipt, twice)

    def receipt(self, plugin: Subject, channel: str, person: Marked) -> RawReceipt | None:
        """Bytes of a complaint of this person for a channel; by default from a file `samples/canary.<channel>.<type>`
        in which `{name}`, `{email}`, `{phone}`, `{postcode}` and `{text}` are replaced."""
        return doors.sample_receipt(plugin, channel, person)

    async def waits(self, stage: Stage, plugin: Subject, person: Marked) -> bool:
        """Lays one message of this person where the plugin's channel fetches, and sets the channel up for it. False
        where there is nothing to fetch."""
        return False

    @classmethod
    def pytest_generate_tests(cls, metafunc: Any) -> None:
        """pytest asks here which checks there are: one test a check."""
        from ombud_plugin_api.testing.registry import all_checks, chosen

        if "check_id" in metafunc.fixturenames:
            tiers = TIERS[: TIERS.index(cls.aims) + 1]
            found = chosen(subject_of(cls.slug)) if cls.slug else all_checks()
            metafunc.parametrize("check_id", [key for key, (check, _) in found.items() if check.tier in tiers])

    def test_the_word_of_the_plugin_on_checks_is_sound(self) -> None:
        """quality.toml names checks there are, and gives a reason for each skip."""
        from ombud_plugin_api.testing.examine import words_of

        words_of(subject_of(self.slug))

    def test_promise(self, check_id: str, ombud_stage: Any) -> None:
        """The plugin keeps this promise; `docs/plugins/checks.md` tells its reason and an example."""
        import pytest

        from ombud_plugin_api.testing import examine
        from ombud_plugin_api.testing.registry import all_checks

        plugin = subject_of(self.slug)
        word = examine.words_of(plugin).get(check_id)
        if word is not None and word.state == "exempt":
            pytest.skip(f"quality.toml: {word.reason}")
        check, contract = all_checks()[check_id]
        result = examine.run_check(check, contract, plugin, ombud_stage.for_plugin(plugin), self)
        if result.outcome == examine.UNTRIED:
            pytest.skip(result.told)
        if result.outcome == examine.BROKEN:
            pytest.fail(f"{check_id} {check.title}: {result.told}\n→ {check.remedy}", pytrace=False)


async def awaited(value: Any) -> Any:
    """The value, awaited where it must be."""
    return await value if inspect.isawaitable(value) else value


def told(problem: Exception) -> str:
    return str(problem) if isinstance(problem, PluginFault) else f"{type(problem).__name__}: {problem}"


__all__ = ["Broken", "Marked", "NotTried", "PluginContract", "Received", "awaited", "told"]

"""The author's guide says what the code says."""

import inspect
from pathlib import Path

import pytest

import ombud_plugin_api as api
from ombud_plugin_api import specs
from ombud_plugin_api.testing import TIERS, guide
from ombud_plugin_api.testing.registry import all_checks

DOCS = Path(__file__).parents[2] / "docs" / "plugins"


@pytest.mark.parametrize("name", sorted(guide.PAGES))
def test_the_page_is_as_the_code_is(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == guide.PAGES[name](), "run: make guide"


@pytest.mark.parametrize("check_id", sorted(all_checks()))
def test_every_check_has_a_section_with_reason_example_and_remedy(check_id: str) -> None:
    check, _ = all_checks()[check_id]
    section = (DOCS / "checks.md").read_text("utf-8").split(f"### {check_id}\n")[1].split("\n### ")[0]
    for part in (check.title, check.why, check.example, check.remedy):
        assert part.strip() in section
    assert check.tier in TIERS
    assert len(check.why.split()) >= 8, "say why in a sentence or two"
    assert check.example.strip()


def test_the_reference_holds_every_hook_and_every_name_that_may_be_imported() -> None:
    page = (DOCS / "reference.md").read_text("utf-8")
    for name, hook in vars(specs).items():
        if hasattr(hook, "ombud_spec"):
            assert f"### {name}\n" in page
            for argument in inspect.signature(hook).parameters:
                assert f"{argument}: " in page.split(f"### {name}\n")[1].split("###")[0]
    for name in api.__all__:
        if inspect.isclass(getattr(api, name)):
            assert f"### {name}\n" in page


def test_two_checks_with_one_id_are_refused() -> None:
    from ombud_plugin_api.testing import Contract, check

    with pytest.raises(ValueError, match="no id of a check"):
        check("basic-7", "", why="", example="", remedy="")
    assert len({key for key, (_, contract) in all_checks().items() if issubclass(contract, Contract)}) == len(
        all_checks()
    )

"""A hook ships with the first real plugin that uses it, and what real plugins use is there, told and tried."""

import inspect
import re
from pathlib import Path

import pytest

from ombud_plugin_api import specs
from ombud_plugin_api.testing import Subject, subject_of

ROOT = Path(__file__).parents[2]
HOOKS = {name: hook for name, hook in vars(specs).items() if hasattr(hook, "ombud_spec")}
SLUGS = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml"))


def plugins() -> dict[str, Subject]:
    return {slug: subject_of(slug) for slug in SLUGS}


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_has_a_real_user(hook: str) -> None:
    users = [slug for slug, plugin in plugins().items() if plugin.implements(hook)]
    assert users, f"nothing in plugins/ uses {hook}; a hook waits for its first user"


@pytest.mark.parametrize("slug", SLUGS)
def test_a_plugin_uses_hooks_and_arguments_that_are_there(slug: str) -> None:
    used = subject_of(slug).hooks()
    assert used
    for name, arguments in used:
        assert name in HOOKS, f"{slug} implements {name}, which is no hook"
        assert set(arguments) <= set(inspect.signature(HOOKS[name]).parameters), f"{slug}: {name}"


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_says_when_it_is_called_and_what_each_argument_is(hook: str) -> None:
    told = inspect.getdoc(HOOKS[hook]) or ""
    assert len(told.split()) >= 8, f"say in the docstring of {hook} what it gives and when it is called"
    for name, parameter in inspect.signature(HOOKS[hook]).parameters.items():
        assert parameter.annotation is not inspect.Parameter.empty, f"{hook}({name}) has no type"


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_both_pages_of_the_guide_give_the_exact_arguments(hook: str) -> None:
    arguments = list(inspect.signature(HOOKS[hook]).parameters)
    heading = re.search(rf"^#+ `{hook}\((.*?)\)`", (ROOT / "docs" / "plugin-hooks.md").read_text(), re.MULTILINE)
    assert heading
    assert heading.group(1).split(", ") == arguments
    section = (ROOT / "docs" / "plugins" / "reference.md").read_text().split(f"### {hook}\n")[1].split("\n### ")[0]
    assert re.findall(r"(\w+): ", section.split("->")[0]) == arguments


@pytest.mark.parametrize("slug", SLUGS)
def test_a_plugin_declares_the_api_before_its_first_release(slug: str) -> None:
    assert subject_of(slug).manifest.api == ">=0.9,<0.10"

"""What goes says so: loud in our tests, gentle abroad, with the version, the remedy and the plugin that uses it."""

import logging
import re
import warnings
from typing import Any

import pytest

from ombud.kernel import plugins
from ombud_plugin_api import deprecation
from ombud_plugin_api.deprecation import REMOVALS, Deprecated, OmbudDeprecation, RemovedIn10, deprecated

HOOK = Deprecated("provide_channels", "0.9", "1.0", "provide_doors")
ARGUMENT = Deprecated("provide_pages.manifest", "0.9", "1.0", "provide_pages()")
SAID = "plugin dummy: provide_channels is deprecated since 0.9 and goes with 1.0 of the plugin API; use provide_doors"


@pytest.fixture
def goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecation, "DEPRECATED", (HOOK, ARGUMENT))
    monkeypatch.setattr(plugins, "_told", set())


def test_in_our_own_tests_a_plugin_that_uses_what_goes_fails(goes: None, dummy: str) -> None:
    with pytest.raises(RemovedIn10, match=re.escape(SAID)):
        plugins.load(plugins.discover()[dummy])


def test_abroad_it_is_a_line_in_the_log_once_and_the_plugin_runs(goes: None, dummy: str, caplog: Any) -> None:
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING, "ombud.plugins"):
        warnings.simplefilter("ignore", OmbudDeprecation)
        for _ in range(2):
            assert plugins.load(plugins.discover()[dummy]).channels
    said = [record.getMessage() for record in caplog.records]
    assert said.count(SAID) == 1
    assert sum("provide_pages.manifest" in line for line in said) == 1


def test_a_plugin_that_uses_nothing_of_it_is_not_named(goes: None) -> None:
    assert deprecation.of_hooks([("provide_jobs", ("manifest",)), ("provide_pages", ())], "dummy") == []


def test_a_function_of_the_api_that_goes_names_who_calls_it() -> None:
    @deprecated("letters", since="0.9", removed_in="1.0", instead="channels")
    def letters() -> str:
        return "still works"

    code = compile("answer = letters()", "somewhere", "exec")
    scope: dict[str, Any] = {"letters": letters, "__name__": "ombud_post_box.plugin"}
    with pytest.warns(RemovedIn10, match="plugin post-box: letters is deprecated since 0.9"):
        exec(code, scope)
    assert scope["answer"] == "still works"


def test_everything_deprecated_has_a_warning_named_for_its_release_and_a_remedy() -> None:
    for each in deprecation.DEPRECATED:
        assert each.removed_in in REMOVALS
        assert each.instead
    assert RemovedIn10.__name__ == "RemovedIn10"

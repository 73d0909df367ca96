"""What the plugin gives core."""

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from ombud_ccpa.reading import laws
from ombud_plugin_api import Law, Manifest, RequestForm, Settings, applies_rule, hookimpl

LANGUAGES = ("en", "pl")
TOLD = "By country: in units of the United States. Of which state's law a request is, whoever records it says."


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings({"applies": applies_rule("Requests are recorded by these laws", help_=TOLD)})]


@hookimpl
def provide_rights(manifest: Manifest) -> list[Law]:
    return laws()


@hookimpl
def provide_pages() -> Sequence[Any]:
    return RequestForm("ccpa", names()).handlers


def names() -> dict[str, dict[str, Any]]:
    """What the laws and rights are called on the form, by language."""
    folder = files("ombud_ccpa").joinpath("texts")
    return {each: tomllib.loads(folder.joinpath(f"{each}.toml").read_text(encoding="utf-8")) for each in LANGUAGES}

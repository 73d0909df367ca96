"""What a unit may choose about its form, and a check of the choice before it is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ombud_plugin_api import Context, Settings, Tried

CONTACTS = ("email", "phone", "postcode")
MOST_FILES, LARGEST_FILE_MB, LARGEST_IN_ALL_MB = 10, 10, 25

SCHEMA: dict[str, dict[str, Any]] = {
    "intro": {
        "type": "string", "maxlength": 600, "default": "",
        "meta": {
            "label": "Words above the form", "multiline": True, "group": "Words",
            "help": "For example, what you cannot decide and who can. Left empty, there are none.",
        },
    },
    "intro_pl": {
        "type": "string", "maxlength": 600, "default": "",
        "meta": {
            "label": "Words above the form, in Polish", "multiline": True, "group": "Words",
            "help": "Left empty, the words above are shown.",
        },
    },
    "privacy_url": {
        "type": "string", "maxlength": 300, "regex": r"(https?://[^\s/]+\S*)?", "default": "",
        "meta": {
            "label": "Address of your privacy notice", "placeholder": "https://example.org/privacy", "group": "Words",
            "help": "An address such as https://example.org/privacy; shown where people tell who they are.",
        },
    },
    "needed": {
        "type": "list", "allowed": list(CONTACTS), "default": [],
        "meta": {
            "label": "People must give", "group": "What is asked",
            "help": "Their name is always asked. Later one of these opens their documents.",
            "choices": {"email": "E-mail", "phone": "Phone", "postcode": "Postcode"},
        },
    },
    "takes_files": {
        "type": "boolean", "default": True,
        "meta": {
            "label": "Take files", "group": "Files",
            "help": "Turned off, the step is left out. People can still send files after filing, on their page.",
        },
    },
    "file_mb": {
        "type": "integer", "required": True, "min": 1, "max": LARGEST_FILE_MB, "default": LARGEST_FILE_MB,
        "meta": {"label": "Largest file", "suffix": "MB", "group": "Files"},
    },
    "most_files": {
        "type": "integer", "required": True, "min": 1, "max": MOST_FILES, "default": MOST_FILES,
        "meta": {"label": "Most files in one complaint", "group": "Files"},
    },
    "draft_days": {
        "type": "integer", "required": True, "min": 1, "max": 90, "default": 30,
        "meta": {
            "label": "Keep unsent complaints for", "suffix": "days", "group": "Drafts", "scope": "deployment",
            "help": "So long somebody can come back in the same browser. Then what they wrote is deleted.",
        },
    },
}  # fmt: skip


@dataclass(frozen=True)
class Offer:
    """What the form asks and takes, as it was chosen."""

    intro: Mapping[str, str] = field(default_factory=dict)
    privacy_url: str = ""
    needed: Sequence[str] = ()
    takes_files: bool = True
    file_mb: int = LARGEST_FILE_MB
    most_files: int = MOST_FILES
    keep_for: timedelta = timedelta(days=30)

    @property
    def steps(self) -> int:
        return 4 if self.takes_files else 3

    def words(self, language: str) -> str:
        return self.intro.get(language) or self.intro.get("en", "")


def offer_of(chosen: Mapping[str, Any]) -> Offer:
    return Offer(
        intro={"en": chosen["intro"], "pl": chosen["intro_pl"]}, privacy_url=chosen["privacy_url"],
        needed=tuple(chosen["needed"]), takes_files=chosen["takes_files"], file_mb=chosen["file_mb"],
        most_files=chosen["most_files"], keep_for=timedelta(days=chosen["draft_days"]),
    )  # fmt: skip


def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Says what people will meet; pure."""
    if candidate["privacy_url"].startswith("http://"):
        words = "Browsers warn of the address of the privacy notice, because it is not encrypted. Use one with https."
        return Tried(False, words, "privacy_url")
    asked = [SCHEMA["needed"]["meta"]["choices"][each] for each in CONTACTS if each in candidate["needed"]]
    files = (
        f"It takes {candidate['most_files']} files of {candidate['file_mb']} MB each, {LARGEST_IN_ALL_MB} MB together."
    )
    return Tried(
        True,
        f"The form asks for a name{''.join(f', {each.lower()}' for each in asked)} and leaves the rest open. "
        + (files if candidate["takes_files"] else "It takes no files."),
    )


def settings() -> list[Settings]:
    return [Settings(SCHEMA, try_out)]

"""What a message may be about: the facts a classifier reads, and the object that reads them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ombud_plugin_api.correspondence import Finding


class CategoryOption(msgspec.Struct, frozen=True, kw_only=True):
    """A category of the unit's taxonomy as it holds today. `labels`: its words by language."""

    code: str
    labels: Mapping[str, str]


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a customer, without quotes and signature, and nothing of the person. `language` is empty where it is
    not known; `categories`: what may be proposed; `settings`: the plugin's own, as they hold in the case's unit."""

    text: str
    subject: str = ""
    language: str = ""
    channel: str = ""
    categories: tuple[CategoryOption, ...] = ()
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True)
class Classifier:
    """Tells what a message is about, matter by matter. `languages`: the codes that it reads, none for any.

    `classify(facts)` is pure, runs in the work process under five seconds and gives Findings of kind `aspect`, each for
    one matter: `value` holds `category` (one of the facts' codes), `spans` the passages of the text that say so. A
    person accepts, edits or rejects each; one about a category that the case has already is left out."""

    key: str
    label: str
    version: str
    classify: Callable[[MessageFacts], Sequence[Finding]]
    languages: tuple[str, ...] = field(default=())

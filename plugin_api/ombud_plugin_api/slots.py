"""The named places on core's pages that plugins may fill, with what each hands to `data`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Slot:
    name: str
    subject: str
    help: str


SLOTS = {
    slot.name: slot
    for slot in (
        Slot("case.side", "CaseView", "The right column of the case page, below the aspects."),
        Slot("front.door", "None", "The public front page, one panel a plugin."),
    )
}

"""Response categories and public responses as data, read from lines that an administrator corrects. Pure.

Texts are those of the bureau's public database. None was compared with the manual of the company portal, whose text of
2026 was not at hand: an export that uses what is not marked `verified` calls itself a draft.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

VERIFIED = "verified"
FIRST, FINAL, ADMINISTRATIVE, NOT_OURS = "first", "final", "administrative", "not_ours"
KINDS = (FIRST, FINAL, ADMINISTRATIVE, NOT_OURS)
"""What a category is: a first word before the final one; a final one; one for the portal alone, which publishes
nothing; one that the company does not choose (given by the bureau, or of older data)."""
MOST = 60
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}\Z")


class Unreadable(ValueError):
    """A line that says nothing; the text names the remedy."""


# code | exact text | kind | verified
RESPONSES = (
    "in_progress | In progress | first |",
    "closed_with_explanation | Closed with explanation | final |",
    "closed_with_monetary_relief | Closed with monetary relief | final |",
    "closed_with_non_monetary_relief | Closed with non-monetary relief | final |",
    "no_relationship | No relationship with the consumer could be verified | administrative |",
    "third_party | Filed by an unauthorized third party | administrative |",
    "duplicate | Duplicate of another complaint | administrative |",
    "untimely_response | Untimely response | not_ours |",
    "closed | Closed | not_ours |",
    "closed_with_relief | Closed with relief | not_ours |",
    "closed_without_relief | Closed without relief | not_ours |",
)
# code | exact text | verified
PUBLIC = (
    "no_public_response | Company has responded to the consumer and the CFPB and chooses not to provide a public "
    "response |",
    "acted_appropriately | Company believes it acted appropriately as authorized by contract or law |",
    "third_party | Company believes complaint caused principally by actions of third party outside the control or "
    "direction of the company |",
    "misunderstanding | Company believes the complaint is the result of a misunderstanding |",
    "disputes_facts | Company disputes the facts presented in the complaint |",
    "cannot_verify | Company can't verify or dispute the facts in the complaint |",
    "answered_questions | Company believes the complaint provided an opportunity to answer consumer's questions |",
    "isolated_error | Company believes complaint is the result of an isolated error |",
    "improvement | Company believes complaint represents an opportunity for improvement to better serve consumers |",
    "discontinued | Company believes complaint relates to a discontinued policy or procedure |",
    "declines | Company chooses not to provide a public response |",
)


@dataclass(frozen=True)
class Response:
    """`text`: exactly as the bureau has it; `kind`: one of KINDS."""

    code: str
    text: str
    kind: str
    verified: bool

    @property
    def chosen(self) -> bool:
        """Whether a company chooses it."""
        return self.kind != NOT_OURS

    @property
    def ends(self) -> bool:
        """Whether it answers the complaint for good."""
        return self.kind in (FINAL, ADMINISTRATIVE)


@dataclass(frozen=True)
class PublicResponse:
    code: str
    text: str
    verified: bool


def responses(lines: Iterable[str]) -> list[Response]:
    """Raises Unreadable for the first line that cannot be read."""
    found: dict[str, Response] = {}
    for line, parts in _parts(lines, 3, "code | text | kind | verified"):
        if parts[2] not in KINDS or parts[0] in found:
            raise Unreadable(f"“{line[:60]}” needs a code that stands once, and a kind: {', '.join(KINDS)}.")
        found[parts[0]] = Response(parts[0], parts[1], parts[2], parts[-1] == VERIFIED)
    return list(found.values())


def public_responses(lines: Iterable[str]) -> list[PublicResponse]:
    """Raises Unreadable for the first line that cannot be read."""
    found: dict[str, PublicResponse] = {}
    for line, parts in _parts(lines, 2, "code | text | verified"):
        if parts[0] in found:
            raise Unreadable(f"The code of “{line[:60]}” stands twice.")
        found[parts[0]] = PublicResponse(parts[0], parts[1], parts[-1] == VERIFIED)
    return list(found.values())


def _parts(lines: Iterable[str], least: int, shape: str) -> list[tuple[str, list[str]]]:
    found = []
    for line in (each.strip() for each in lines if each.strip()):
        parts = [each.strip() for each in line.split("|")]
        if len(parts) not in (least, least + 1) or not _CODE.match(parts[0]) or not parts[1]:
            raise Unreadable(f"Write “{line[:60]}” as {shape}.")
        found.append((line, parts))
    return found


@dataclass(frozen=True)
class Lists:
    """Both lists, ready to be asked."""

    responses: Mapping[str, Response]
    public: Mapping[str, PublicResponse]


def lists(settings: Mapping[str, Any]) -> Lists:
    """From the plugin's settings; those that nobody set are as shipped. Raises Unreadable."""
    given, public = settings.get("responses"), settings.get("public_responses")
    return Lists(
        {each.code: each for each in responses(RESPONSES if given is None else given)},
        {each.code: each for each in public_responses(PUBLIC if public is None else public)},
    )

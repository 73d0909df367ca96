"""What may be done with a case now, and why not: one pure answer for buttons, keys and the API."""

from dataclasses import dataclass
from uuid import UUID

from ombud.desk.words import label
from ombud.speech import counted, sentence, word
from ombud.trust.permissions import KEYS
from ombud.trust.policy import Viewer

NO_RIGHT = "Your roles do not allow this. Ask an administrator of this desk for the right one."
CLOSED = "The case is closed. Reopen it first, with the reason."


NOT_HERE = "You cannot do this in this case. Ask your team leader."


@dataclass(frozen=True)
class Action:
    """Something a person can do. `reason`: why not now, empty where it is allowed."""

    key: str
    label: str
    allowed: bool
    reason: str = ""


@dataclass(frozen=True)
class Standing:
    """How a case stands for one viewer. `rights`: permissions they hold in its unit; `undecided`: open aspects in
    their view; `hidden`: the case holds something they may not see, which no reason may tell."""

    rights: frozenset[str]
    status: str
    owned: bool
    mine: bool
    undecided: int
    hidden: bool = False


def rights_in(viewer: Viewer, unit_id: UUID) -> frozenset[str]:
    """The permissions a viewer holds in a unit."""
    return frozenset(each for each in (KEYS if viewer.system else viewer.rights) if viewer.may_in(each, unit_id))


def case_actions(standing: Standing) -> tuple[Action, ...]:
    closed = CLOSED if standing.status == "closed" else ""
    concerned = NOT_HERE if standing.hidden else ""
    taken = "The case is yours already." if standing.mine else "Somebody else owns this case. Ask them to hand it over."
    return (
        _action(standing, "take", "Take the case", "case.take", closed or (taken if standing.owned else "")),
        _action(standing, "assign", "Give the case to somebody", "case.assign", closed),
        _action(standing, "release", "Put the case back", "case.write", closed or _unowned(standing)),
        _action(standing, "change", "Change the case", "case.write", closed),
        _action(standing, "close", "Close the case", "case.close", _not_closable(standing)),
        _action(standing, "reopen", "Reopen the case", "case.reopen", _not_reopenable(standing)),
        _action(standing, "answer", "Write an answer", "case.write", closed),
        _action(standing, "note", "Write a note", "case.write", ""),
        _action(standing, "told", "Record what you were told", "case.write", ""),
        _action(standing, "add_aspect", "Add an aspect", "case.write", closed),
        _action(standing, "add_party", "Add a party", "case.write", concerned),
        _action(standing, "merge", "Merge or split the case", "case.write", concerned or closed),
        _action(standing, "make_link", "Make a link for the customer", "case.write", concerned),
        _action(standing, "mark_confidential", "Mark as confidential", "case.confidential", ""),
        _action(standing, "confirm_needs", "Confirm support needs", "support.write", ""),
        _action(standing, "history", "See the audit trail", "case.history", ""),
        _action(standing, "hand_over", "Make a file for an ombudsman", "case.hand_over", concerned),
    )


def aspect_actions(standing: Standing, status: str, named: bool) -> tuple[Action, ...]:
    """Of one aspect. `named`: it has a category."""
    closed = CLOSED if standing.status == "closed" else ""
    decided = "This aspect is decided already. Reopen it first, with the reason." if status == "closed" else ""
    undecided = "" if status == "closed" else "This aspect is open already."
    return (
        _action(standing, "decide", "Decide", "case.decide", closed or decided),
        _action(standing, "reopen", "Reopen", "case.decide", closed or undecided),
        _action(standing, "redress", "Add redress", "case.decide", closed),
        _action(standing, "assign", "Assign", "case.assign", closed),
        _action(standing, "take", "Take", "case.write", closed),
        _action(standing, "change", "Change", "case.write", closed),
        _action(standing, "categorise", "Say what it is about", "case.write", "Its category stands." if named else ""),
    )


def _action(standing: Standing, key: str, words: str, permission: str, obstacle: str) -> Action:
    reason = obstacle if permission in standing.rights else NO_RIGHT
    return Action(key, words, not reason, reason)


def _unowned(standing: Standing) -> str:
    return "" if standing.owned else "Nobody owns this case."


def _not_closable(standing: Standing) -> str:
    if standing.status == "closed":
        return "The case is closed already."
    if standing.hidden and standing.status != "resolved":
        return "This case cannot be closed yet. Ask your team leader."
    if standing.undecided:
        return counted(
            "One aspect has no outcome yet. Decide each aspect, then close the case.",
            "%(num)s aspects have no outcome yet. Decide each aspect, then close the case.",
            standing.undecided,
        )
    return ""


def _not_reopenable(standing: Standing) -> str:
    return (
        ""
        if standing.status == "closed"
        else sentence("The case is not closed; it is %(status)s.", status=word(label(standing.status)).lower())
    )

"""The matters of a draft: put in, taken out, put back. Pure."""

from ombud_webform import checking
from ombud_webform.checking import Problems
from ombud_webform.draft import MatterTyped, Typed
from ombud_webform.wording import problem


def put(typed: Typed, matter: MatterTyped) -> None:
    """The typed matter takes its place; an empty new one leaves none. The same form sent twice changes nothing."""
    place = next((place for place, each in enumerate(typed.matters) if each.id == matter.id), None)
    if place is not None:
        typed.matters[place] = matter
    elif typed.removed is not None and typed.removed.id == matter.id:
        typed.removed = matter  # "Remove" was pressed twice
    elif not matter.empty:
        typed.matters.append(matter)


def remove(typed: Typed, identity: str) -> None:
    for place, each in enumerate(typed.matters):
        if each.id == identity:
            typed.removed, typed.removed_from = each, place
            del typed.matters[place]
            return


def put_back(typed: Typed) -> None:
    if typed.removed is not None:
        typed.matters.insert(typed.removed_from, typed.removed)
        typed.removed = None


def first_wrong(typed: Typed) -> tuple[str, Problems]:
    """The first matter that cannot be sent, by id, and its problems; no matter at all is a problem of a new one."""
    if not typed.matters:
        return "new", {"text": problem(typed.language, "text_missing")}
    for each in typed.matters:
        wrong = checking.matter(each, typed.language)
        if wrong:
            return each.id, wrong
    return "", {}


def too_many(typed: Typed) -> Problems:
    if len(typed.matters) < checking.MATTERS:
        return {}
    return {"text": problem(typed.language, "matters_many", most=checking.MATTERS)}

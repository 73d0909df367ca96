"""The keys of the workplace: what each does, its usual key, and the one a person chose instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ombud.speech import sentence

LIST, CASE, ANYWHERE = "list", "case", "anywhere"


@dataclass(frozen=True)
class KeyAction:
    """Something a single key does. `code` stands in the templates as data-act; `where`: the pages it works on."""

    code: str
    label: str
    key: str
    group: str
    where: frozenset[str]


@dataclass(frozen=True)
class SheetLine:
    """A line of the cheat sheet; what has no `code` keeps its key."""

    code: str
    label: str
    key: str
    words: str


@dataclass(frozen=True)
class KeyGroup:
    """A group of the cheat sheet: keys that a person may choose, and those with Ctrl or Cmd."""

    label: str
    bound: tuple[SheetLine, ...]
    fixed: tuple[SheetLine, ...]


def _action(code: str, label: str, key: str, group: str, *where: str) -> KeyAction:
    return KeyAction(code, label, key, group, frozenset(where or (ANYWHERE,)))


# One key may mean two things on pages that never meet: N shows new cases in a list and writes a note in a case, A takes
# the selected rows of a list and takes or assigns a case; T takes a case also for those for whom A assigns.
ACTIONS = (
    _action("next", "Next row", "j", "Moving", LIST),
    _action("previous", "Previous row", "k", "Moving", LIST),
    _action("open", "Open the row", "enter", "Moving", LIST),
    _action("back", "Back to the list", "u", "Moving", CASE),
    _action("go", "Go to a place, with its letter", "g", "Moving"),
    _action("select", "Select the row", "x", "List", LIST),
    _action("select_all", "Select all rows of the page", "*", "List", LIST),
    _action("change_many", "Change the selected cases", "b", "List", LIST),
    _action("take_next", "Take the next one for me", "t", "List", LIST),
    _action("show_new", "Show new cases", "n", "List", LIST),
    _action("save_view", "Save these filters as a view", "v", "List", LIST),
    _action("own", "Take, or assign", "a", "Case", LIST, CASE),
    _action("take", "Take the case", "t", "Case", CASE),
    _action("decide", "Decide the next aspect", "d", "Case", CASE),
    _action("reply", "Write a reply", "r", "Case", CASE),
    _action("note", "Write a note", "n", "Case", CASE),
    _action("close", "Close the case", "e", "Case", CASE),
    _action("change", "Change the case", "m", "Case", CASE),
    _action("claim", "Say that you work on it", "w", "Case", CASE),
    _action("new_case", "New case", "c", "Everywhere"),
    _action("search", "Search", "/", "Everywhere"),
    _action("undo", "Undo", "z", "Everywhere"),
    _action("sheet", "This list of keys", "?", "Everywhere"),
)
GROUPS = {
    "Moving": "Moving",
    "List": "In a list",
    "Case": "In a case",
    "Everywhere": "Everywhere",
}
# Keys with Ctrl or Cmd; they stay as they are, and work where single keys are off.
FIXED = (("Actions, places and cases", "Ctrl K"), ("Send or save what is typed", "Ctrl ↵"), ("Close a dialog", "Esc"))
_USUAL = {action.code: action.key for action in ACTIONS}


class KeysClash(ValueError):
    """Keys that cannot be kept; `errors` names what is wrong with each, by the action's code."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("These keys cannot be kept.")
        self.errors = errors


def bound(own: Mapping[str, str]) -> dict[str, str]:
    """The key of every action, as this person uses them."""
    return {code: str(own.get(code) or usual) for code, usual in _USUAL.items()}


def sheet(own: Mapping[str, str]) -> tuple[KeyGroup, ...]:
    """The cheat sheet, in groups."""
    return _sheet(tuple(sorted(own.items())))


@lru_cache(maxsize=256)
def _sheet(own: tuple[tuple[str, str], ...]) -> tuple[KeyGroup, ...]:
    now, last = bound(dict(own)), [*GROUPS][-1]
    fixed = tuple(SheetLine("", label, "", key) for label, key in FIXED)
    return tuple(
        KeyGroup(
            words,
            tuple(_line(action, now[action.code]) for action in ACTIONS if action.group == code),
            fixed if code == last else (),
        )
        for code, words in GROUPS.items()
    )


def _line(action: KeyAction, key: str) -> SheetLine:
    return SheetLine(action.code, action.label, key, words(key))


def words(key: str) -> str:
    """A key as it is printed: J, Enter."""
    return "Enter" if key == "enter" else key.upper()


def checked(given: Mapping[str, str]) -> dict[str, str]:
    """What differs from the usual keys, fit to be kept; raises KeysClash where two would mean one thing."""
    chosen = bound({code: given[code].strip().lower() for code in _USUAL if given.get(code)})
    errors: dict[str, str] = {code: wrong for code, key in chosen.items() if (wrong := _wrong(code, key))}
    for place, one in enumerate(ACTIONS):
        for other in ACTIONS[:place]:
            if chosen[one.code] == chosen[other.code] and _meet(one, other) and one.code not in errors:
                errors[one.code] = sentence(
                    "%(code)s is the key of “%(other)s”. Choose another one.",
                    code=words(chosen[one.code]),
                    other=other.label,
                )
    if errors:
        raise KeysClash(errors)
    return {code: key for code, key in chosen.items() if key != _USUAL[code]}


def _wrong(code: str, key: str) -> str:
    if key == "enter":
        return "" if code == "open" else "Enter opens rows and presses buttons. Choose a letter, digit or sign."
    if len(key) != 1 or not key.isprintable() or key.isspace():
        return "Choose one letter, digit or sign."
    return ""


def _meet(one: KeyAction, other: KeyAction) -> bool:
    """True if both could be meant on one page."""
    return ANYWHERE in one.where | other.where or bool(one.where & other.where)

"""Names and contact details of people who neither complain nor act for who does, taken out of texts."""

import re
from collections.abc import Sequence

from ombud.desk.casefile.record import Outsider
from ombud.desk.words import label


class Redactor:
    """Puts the role in the place of a name and counts; exact words alone are found, whatever their case."""

    def __init__(self, outsiders: Sequence[Outsider]) -> None:
        roles: dict[str, str] = {}
        for each in outsiders:
            for sign in each.signs:
                roles.setdefault(_folded(sign), each.role)
        self._roles = roles
        longest = sorted(roles, key=lambda each: (-len(each), each))
        parts = "|".join(r"\s+".join(re.escape(word) for word in each.split(" ")) for each in longest)
        self._pattern = re.compile(rf"(?<!\w)(?:{parts})(?!\w)", re.IGNORECASE) if parts else None
        self.count = 0

    def __call__(self, text: str) -> str:
        if self._pattern is None or not text:
            return text
        return self._pattern.sub(self._instead, text)

    def _instead(self, found: "re.Match[str]") -> str:
        self.count += 1
        role = self._roles.get(_folded(found[0]), "")
        return f"[{label(role) if role else 'Name'}, left out]"


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()

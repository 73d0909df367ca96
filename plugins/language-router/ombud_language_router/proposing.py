"""Who suits by language. Pure: the same case and people give the same, and nothing else happens.

Core already prefers who speaks the customer's language. Two things it does not know: that a language nobody here speaks
may be understood by who speaks its neighbour, and that the only one who speaks Ukrainian should not be busy with cases
that anybody could answer.
"""

from collections import Counter
from collections.abc import Sequence

from ombud_plugin_api import CaseFacts, Choice, Proposal

# Languages whose speakers mostly understand one another when they read (written intelligibility, not courtesy): a
# customer is better served by a neighbour than by nobody, and worse than by their own.
NEIGHBOURS: tuple[frozenset[str], ...] = (
    frozenset({"cs", "sk"}),
    frozenset({"da", "nb", "nn", "no", "sv"}),
    frozenset({"bs", "hr", "me", "sh", "sr"}),
    frozenset({"es", "gl", "pt"}),
    frozenset({"be", "ru", "uk"}),
    frozenset({"bg", "mk"}),
    frozenset({"af", "nl"}),
    frozenset({"id", "ms"}),
)
OWN, NEIGHBOUR = 1.0, 0.6


def propose(case: CaseFacts, choices: Sequence[Choice]) -> list[Proposal]:
    """Proposals for people; none where the customer's language is not known or nobody's languages are."""
    people = [each for each in choices if each.kind == "person" and each.languages]
    if not case.language or not people:
        return []
    if any(case.language in each.languages for each in people):
        return _sparing(case.language, people)
    near = frozenset().union(*(group for group in NEIGHBOURS if case.language in group))
    return [
        Proposal(choice=each.id, score=NEIGHBOUR, reason="Speaks a neighbour of the customer's language.")
        for each in people
        if near & each.languages
    ]


def _sparing(language: str, people: Sequence[Choice]) -> list[Proposal]:
    """Of those who speak it, the ones first whose other languages others speak too."""
    speakers = Counter(code for each in people for code in each.languages)
    found = []
    for each in (one for one in people if language in one.languages):
        rarest = min((speakers[code] for code in each.languages - {language}), default=len(people))
        score = OWN * min(rarest, speakers[language]) / speakers[language]
        spared = score < OWN
        reason = (
            "Speaks the language, and another that few here speak." if spared else "Speaks the customer's language."
        )
        found.append(Proposal(choice=each.id, score=round(score, 3), reason=reason))
    return found

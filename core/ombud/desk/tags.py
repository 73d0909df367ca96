"""Tags of a case: codes that rules and people put on it. They stand in its ledger and nowhere else."""

from collections.abc import Sequence
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid
from ombud.desk.words import is_code
from ombud.desk.writing import lock_case, record
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.policy import Viewer

MOST = 10
OF_CASE = """
SELECT each.tag FROM (SELECT DISTINCT ON (t.body->>'tag') t.body->>'tag' AS tag, t.kind FROM core_ledger_entry t
    WHERE t.stream = 'case/' || {case} AND t.kind IN ('case.tagged', 'case.untagged')
    ORDER BY t.body->>'tag', t.seq DESC) each WHERE each.kind = 'case.tagged' ORDER BY each.tag
"""
"""A statement that gives the tags a case has now; `case` is its id."""


def typed(text: str) -> list[str]:
    """The tags of a line such as `late-fee, branch`. Raises Invalid for what is no code. Pure."""
    text = clean_text(text, "tags", longest=500)
    found = list(dict.fromkeys(each.lower() for each in text.replace(",", " ").split()))
    if not found:
        raise Invalid("Write at least one tag, such as late-fee.", "tags")
    if len(found) > MOST:
        raise Invalid(sentence("These are too many tags: at most %(most)s at once.", most=MOST), "tags")
    for each in found:
        if not is_code(each):
            raise Invalid(
                sentence("“%(tag)s” is no tag. A tag is of small letters, digits, dots and dashes.", tag=each[:40]),
                "tags",
            )
    return found


async def tags_of(case_id: UUID) -> list[str]:
    """The tags a case has now, for whoever asked the policy already."""
    return [row["tag"] for row in await db.fetch(OF_CASE.format(case="$1::uuid"), case_id)]


async def put(viewer: Viewer, case_id: UUID, tags: Sequence[str]) -> list[str]:
    """Puts tags on a case in the caller's transaction; gives those it did not have."""
    await lock_case(viewer, "case.write", case_id)
    has = await tags_of(case_id)
    fresh = [each for each in tags if each not in has]
    for each in fresh:
        await record(viewer, case_id, "case.tagged", {"tag": each})
    return fresh


async def take_off(viewer: Viewer, case_id: UUID, tags: Sequence[str]) -> list[str]:
    """Takes tags off a case in the caller's transaction; gives those it had."""
    await lock_case(viewer, "case.write", case_id)
    has = await tags_of(case_id)
    gone = [each for each in tags if each in has]
    for each in gone:
        await record(viewer, case_id, "case.untagged", {"tag": each})
    return gone

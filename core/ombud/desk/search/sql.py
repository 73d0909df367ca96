"""The search as a condition of SQL: which rows of the index answer, by the words this viewer may search in each.

A word in a field the viewer may not see does not count for them, so that no search tells it. The index weighs words by
field (`search_rows`); each row is asked the question whose weights the viewer may search there.
"""

from ombud.desk.search.asked import Asked
from ombud.trust.policy import Arguments, Viewer, about_me


def answers(asked: Asked, kind: str, visible: str, arguments: Arguments) -> str:
    """SQL over `s`, a row of the index. `kind` is written out, because the indexes are partial; `visible` is what
    `holds` or one of the following wrote."""
    return f"s.kind = '{kind}' AND s.words @@ {arguments.add(asked.wanted())}::text::tsquery AND {visible}"


def holds(asked: Asked, arguments: Arguments, weights: str = "") -> str:
    """The words of these weights answer, or of all weights where none is named. What is wanted is not asked twice."""
    if not weights and not asked.leaves_out:
        return "TRUE"
    return f"s.words @@ {arguments.add(asked.query(weights))}::text::tsquery"


def case_holds(viewer: Viewer, asked: Asked, arguments: Arguments, case: str = "c") -> str:
    """Names count where the viewer may see names; in a case with an aspect about them only reference and names do."""
    whole = holds(asked, arguments)
    if viewer.system:
        return whole
    named = f"{case}.unit_id = ANY({arguments.add(list(viewer.units('person.read')))}::uuid[])"
    mine = about_me(f"{case}.id", arguments.add(viewer.user_id))
    nameless, narrow, bare = (holds(asked, arguments, weights) for weights in ("ABD", "AC", "A"))
    return (
        f"CASE WHEN {mine} THEN CASE WHEN {named} THEN {narrow} ELSE {bare} END "
        f"ELSE CASE WHEN {named} THEN {whole} ELSE {nameless} END END"
    )


def person_holds(viewer: Viewer, asked: Asked, in_view: str, arguments: Arguments) -> str:
    """Over `p`: contacts count where a case in view lies in a unit whose contacts the viewer may see. `in_view`: the
    parties of `p` in view, joined to their cases `c`."""
    whole = holds(asked, arguments)
    if viewer.system:
        return whole
    reachable = arguments.add(list(viewer.units("person.contact")))
    name = holds(asked, arguments, "A")
    may_reach = f"EXISTS (SELECT 1 FROM {in_view} AND c.unit_id = ANY({reachable}::uuid[]))"
    if asked.leaves_out:  # then a contact that holds the word must count before the name answers
        return f"CASE WHEN {may_reach} THEN {whole} ELSE {name} END"
    return f"CASE WHEN {name} THEN TRUE WHEN {whole} THEN {may_reach} ELSE FALSE END"


def cases_that_answer(viewer: Viewer, asked: Asked, arguments: Arguments) -> str:
    """SQL over `c`, for lists of cases."""
    visible = case_holds(viewer, asked, arguments, "k")
    return (
        "c.id IN (SELECT s.id FROM core_search s JOIN core_case k ON k.id = s.id "
        f"WHERE {answers(asked, 'case', visible, arguments)})"
    )


def people_that_answer(viewer: Viewer, asked: Asked, in_view: str, arguments: Arguments) -> str:
    """SQL over `p`, for lists of people."""
    answering = answers(asked, "person", person_holds(viewer, asked, in_view, arguments), arguments)
    return f"EXISTS (SELECT 1 FROM core_search s WHERE s.id = p.id AND {answering})"

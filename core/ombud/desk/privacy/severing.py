"""Parts a case whose time is over from those who stay: what was sealed and stored for it under somebody's own key
becomes the case's, whose key is destroyed, and a nameless record takes their place in it."""

from collections.abc import Sequence
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id

POINTING = ("core_party", "core_message", "core_outgoing", "core_payment", "core_support_needs")
_STREAMS = """
SELECT 'case/' || c AS stream, c AS case_id FROM unnest($1::uuid[]) AS c
UNION SELECT 'message/' || m.id, m.case_id FROM core_message m WHERE m.case_id = ANY($1)
UNION SELECT 'message/' || m.raw_id, m.case_id FROM core_message m WHERE m.case_id = ANY($1) AND m.raw_id IS NOT NULL
UNION SELECT 'message/' || r.id, r.case_id FROM core_raw r WHERE r.case_id = ANY($1)
"""


async def sever(cases: Sequence[UUID], people: Sequence[UUID]) -> None:
    """In the transaction that destroys the cases and then their keys. `people`: who goes with them."""
    await db.execute(
        f"UPDATE core_sealed s SET subject = 'case/' || of.case_id, wrapped = '', nonce = '', ciphertext = '' "
        f"FROM ({_STREAMS}) of WHERE s.stream = of.stream",
        list(cases),
    )
    await db.execute(
        "UPDATE core_vault v SET subject = 'case/' || p.case_id, wrapped = '', nonce = '', ciphertext = '' "
        "FROM core_payment p WHERE p.payee_vault_id = v.id AND p.case_id = ANY($1)",
        list(cases),
    )
    await db.execute("DELETE FROM core_link WHERE case_id = ANY($1)", list(cases))
    await db.execute(
        "UPDATE core_privacy_hold SET reason = 'Erased', lifted_because = 'Erased' "
        "WHERE case_id = ANY($1) AND lifted_at IS NOT NULL",
        list(cases),
    )
    await db.execute("UPDATE core_party SET authority = '' WHERE case_id = ANY($1)", list(cases))
    await _replace(cases, people)
    await db.execute(
        "UPDATE core_case SET destroyed_at = $2 WHERE id = ANY($1) AND destroyed_at IS NULL", list(cases), now()
    )


async def _replace(cases: Sequence[UUID], people: Sequence[UUID]) -> None:
    """Whoever stays is no longer found from the case, nor the case from them; who took part is still counted."""
    found = " UNION ".join(
        f"SELECT t.person_id AS id FROM {table} t WHERE t.case_id = ANY($1) AND NOT t.person_id = ANY($2)"
        for table in POINTING
    )
    staying = await db.fetch(
        f"SELECT p.id, p.kind FROM core_person p WHERE p.erased_at IS NULL AND p.id IN ({found}) ORDER BY p.id",
        list(cases), list(people),
    )  # fmt: skip
    for row in staying:
        nameless, moment = new_id(), now()
        await db.execute(
            "INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, "
            "erased_at, version) VALUES ($1, $2, 'Erased', '', '', '', '', '', $3, $3, 1)",
            nameless, row["kind"], moment,
        )  # fmt: skip
        for table in POINTING:
            await db.execute(
                f"UPDATE {table} SET person_id = $3 WHERE case_id = ANY($1) AND person_id = $2",
                list(cases), row["id"], nameless,
            )  # fmt: skip

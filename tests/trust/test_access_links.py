"""Signed links and proofs: what opens a case for a customer, and what does not."""

import base64
import stat
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import keys, ledger, link_signing, links
from ombud.trust.links import BadLink, LinkExpired, LinkInvalid, LinkRevoked


@pytest.fixture
async def case(desk: dict[str, UUID]) -> tuple[UUID, UUID]:
    """A case and its complainant."""
    case_id, person_id = new_id(), new_id()
    await db.execute("INSERT INTO core_person (id, name, created_at) VALUES ($1, 'Jo', now())", person_id)
    await db.execute(
        """INSERT INTO core_case_type (key, label, fields, answer_within_days, active)
        VALUES ('complaint', 'Complaint', '{}', NULL, TRUE) ON CONFLICT DO NOTHING"""
    )
    await db.execute(
        """INSERT INTO core_case (id, reference, unit_id, received_at, received_on, opened_at, changed_at, last_word_at)
        VALUES ($1, 'OMB-1', $2, now(), current_date, now(), now(), now())""",
        case_id,
        desk["acme"],
    )
    return case_id, person_id


async def test_a_link_opens_its_case_until_it_expires(case: tuple[UUID, UUID]) -> None:
    token = await links.make(*case, "track", 30)
    assert len(token) == 43
    link = await links.read(token)
    assert (link.case_id, link.person_id, link.purpose) == (*case, "track")
    with clock.at(clock.now() + timedelta(days=29)):
        assert await links.read(token) == link
    with clock.at(clock.now() + timedelta(days=30, seconds=1)), pytest.raises(LinkExpired, match="expired"):
        await links.read(token)


async def test_a_revoked_link_opens_nothing_and_the_others_go_on(case: tuple[UUID, UUID]) -> None:
    first, second = await links.make(*case), await links.make(*case)
    revoked = (await links.read(first)).id
    for _ in range(2):
        await links.revoke(revoked, "user/1")
    with pytest.raises(LinkRevoked, match="Ask us for a new one"):
        await links.read(first)
    assert (await links.read(second)).revoked_at is None
    listed = await links.of_case(case[0])
    assert [(link.id == revoked, link.revoked_by) for link in listed] == [(False, ""), (True, "user/1")]
    told = [entry.kind for entry in await ledger.read([f"case/{case[0]}"])]
    assert told == ["link.made", "link.made", "link.revoked"]
    with pytest.raises(links.NoSuchLink):
        await links.revoke(new_id(), "user/1")


async def test_every_altered_token_is_refused_without_asking_the_database(case: tuple[UUID, UUID]) -> None:
    token = await links.make(*case)
    data = base64.urlsafe_b64decode(token + "=")
    altered = [_text(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]) for place in range(len(data))]
    same_bytes = token[:-1] + chr(ord(token[-1]) + 1)  # the last character has two bits that carry nothing
    odd = [
        "",
        "=",
        "a",
        token[:-1],
        token + "A",
        token + "=",
        " " + token,
        token + "\n",
        "\0" * 43,
        "ż" * 43,
        "\udc80",
        "!" * 43,
    ]
    with db.counting() as count:
        for wrong in [*altered, same_bytes, *odd]:
            with pytest.raises(LinkInvalid):
                await links.read(wrong)
    assert count.statements == 0
    assert (await links.read(token)).case_id == case[0]


async def test_a_signed_link_that_was_never_stored_is_refused(case: tuple[UUID, UUID]) -> None:
    link, token = links.prepare(*case)
    with pytest.raises(LinkInvalid) as caught:
        await links.read(token)
    assert isinstance(caught.value, BadLink)
    places = ", ".join(f"${number}" for number in range(1, len(links.COLUMNS) + 1))
    await db.execute(f"INSERT INTO core_link ({', '.join(links.COLUMNS)}) VALUES ({places})", *links.row_of(link))
    assert await links.read(token) == link


async def test_preparing_a_link_asks_the_database_nothing(case: tuple[UUID, UUID]) -> None:
    with db.counting() as count:
        links.prepare(*case)
    assert count.statements == 0


def test_a_proof_holds_for_its_link_and_its_minutes_only(tmp_path: Path) -> None:
    link_signing.open_signing(tmp_path)
    mine, other = new_id(), new_id()
    proof = links.proof_for(mine, minutes=20)
    until, _, signed = proof.partition(".")
    assert links.proof_ok(mine, proof)
    assert not links.proof_ok(other, proof)
    longer = f"{int(until) + 3600}.{signed}"
    for wrong in [
        longer,
        until,
        f"{until}.",
        f".{signed}",
        "",
        "x.y",
        f"-{until}.{signed}",
        f"{until}.ż",
        f"²{proof}",
        "9" * 30 + "." + signed,
        proof + "\udc80",
    ]:
        assert not links.proof_ok(mine, wrong)
    with clock.at(clock.now() + timedelta(minutes=19)):
        assert links.proof_ok(mine, proof)
    with clock.at(clock.now() + timedelta(minutes=20, seconds=1)):
        assert not links.proof_ok(mine, proof)
    link_signing.close_signing()


def test_what_is_signed_for_one_purpose_does_not_pass_for_another(tmp_path: Path) -> None:
    link_signing.open_signing(tmp_path)
    identity = new_id()
    assert link_signing.signature("link", identity.bytes) != link_signing.signature("proof", identity.bytes)
    link_signing.close_signing()


def test_the_signing_key_is_made_once_private_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    link_signing.open_signing(folder)
    token, path = links.token_of(new_id()), folder / link_signing.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    link_signing.close_signing()
    with pytest.raises(keys.KeyTrouble, match="open_signing"):
        links.link_id_of(token)
    link_signing.open_signing(folder)
    links.link_id_of(token)
    path.write_text("not a key")
    with pytest.raises(keys.KeyTrouble, match="put back its copy"):
        link_signing.open_signing(folder)
    path.unlink()
    link_signing.open_signing(folder)
    with pytest.raises(LinkInvalid):
        links.link_id_of(token)
    link_signing.close_signing()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

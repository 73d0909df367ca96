"""What the vault gives back, to whom it refuses, and what becomes of the keys."""

import asyncio
import stat
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ombud.kernel.database import db
from ombud.trust import keys, ledger, signing, vault
from ombud.trust.keys import Destroyed, KeyTrouble, MasterKeyMissing, WrongMasterKey
from ombud.trust.ledger import NewEntry, Sealed
from ombud.trust.vault import Damaged, NotStored


async def test_stored_bytes_come_back_and_lie_there_encrypted(ledger_db: str) -> None:
    data = b"Content-Type: text/plain\r\n\r\nmy complaint \x00\xff" * 50
    identity = await vault.store("person/1", data)
    assert await vault.load(identity) == data
    row = await db.fetchrow("SELECT * FROM core_vault WHERE id = $1", identity)
    assert row is not None
    assert row["size"] == len(data)
    assert b"complaint" not in row["ciphertext"]


async def test_empty_bytes_can_be_stored(ledger_db: str) -> None:
    assert await vault.load(await vault.store("person/1", b"")) == b""


async def test_an_unknown_id_is_not_stored(ledger_db: str) -> None:
    with pytest.raises(NotStored):
        await vault.load(uuid4())


async def test_an_erased_persons_bytes_are_gone_and_others_stay(ledger_db: str) -> None:
    gone, stays = await vault.store("person/1", b"hers"), await vault.store("person/2", b"his")
    assert await vault.destroy_subject("person/1") is True
    assert await vault.destroy_subject("person/1") is False
    with pytest.raises(Destroyed, match="person/1"):
        await vault.load(gone)
    assert await vault.load(stays) == b"his"
    with pytest.raises(Destroyed):
        await vault.store("person/1", b"more")
    assert await db.fetchval("SELECT ciphertext FROM core_vault WHERE id = $1", gone) == b""


async def test_a_person_erased_before_anything_was_stored_stays_erased(ledger_db: str) -> None:
    await vault.destroy_subject("person/9")
    with pytest.raises(Destroyed):
        await vault.store("person/9", b"x")


async def test_a_key_destroyed_by_another_process_is_gone_here_at_once(
    ledger_db: str, key_file: Path, tmp_path: Path
) -> None:
    identity = await vault.store("person/1", b"hers")
    assert await vault.load(identity) == b"hers"
    script = tmp_path / "erase.py"
    script.write_text(
        "import asyncio, sys\nfrom pathlib import Path\nfrom ombud.kernel.database import db\n"
        "from ombud.trust import keys, vault\n"
        "async def main():\n    await db.open(sys.argv[1], largest=1)\n    await keys.open_master(Path(sys.argv[2]))\n"
        "    await vault.destroy_subject('person/1')\n    await db.close()\nasyncio.run(main())\n"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, script, ledger_db, key_file], check=True)
    with pytest.raises(Destroyed):
        await vault.load(identity)


async def test_bytes_moved_to_another_row_or_altered_do_not_open(ledger_db: str) -> None:
    one, two = await vault.store("person/1", b"one"), await vault.store("person/1", b"two")
    await db.execute(
        """UPDATE core_vault SET (wrapped, nonce, ciphertext) =
            (SELECT wrapped, nonce, ciphertext FROM core_vault WHERE id = $1) WHERE id = $2""",
        one,
        two,
    )
    with pytest.raises(Damaged):
        await vault.load(two)
    await db.execute(
        "UPDATE core_vault SET ciphertext = set_byte(ciphertext, 1, get_byte(ciphertext, 1) # 1) WHERE id = $1", one
    )
    with pytest.raises(Damaged, match="altered"):
        await vault.load(one)


async def test_many_are_stored_with_three_statements_and_read_with_one(ledger_db: str) -> None:
    with db.counting() as count:
        async with db.transaction():
            rows = await vault.prepare_many([(f"person/{n % 5}", b"x%d" % n) for n in range(50)])
            await vault.insert(rows)
    assert count.statements <= 4  # BEGIN and COMMIT are two of them
    with db.counting() as count:
        clear = await vault.load_many([row.id for row in rows])
    assert count.statements == 1
    assert [clear[row.id] for row in rows] == [b"x%d" % n for n in range(50)]


async def test_a_key_made_in_a_transaction_that_failed_is_not_used_afterwards(ledger_db: str) -> None:
    async def fail() -> None:
        async with db.transaction():
            await vault.store("person/1", b"lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    identity = await vault.store("person/1", b"kept")
    assert await vault.load(identity) == b"kept"


async def test_two_writers_give_a_new_person_one_key(ledger_db: str) -> None:
    stored = await asyncio.gather(*(vault.store("person/new", b"%d" % n) for n in range(8)))
    assert [await vault.load(each) for each in stored] == [b"%d" % n for n in range(8)]


async def test_the_master_key_file_is_private_and_made_once(ledger_db: str, key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700
    before = key_file.read_bytes()
    await keys.open_master(key_file)
    assert key_file.read_bytes() == before


async def test_a_missing_key_file_stops_the_start_when_the_database_holds_keys(ledger_db: str, key_file: Path) -> None:
    await vault.store("person/1", b"x")
    key_file.unlink()
    with pytest.raises(MasterKeyMissing, match="put the file back"):
        await keys.open_master(key_file)
    assert not key_file.exists()


async def test_another_key_file_stops_the_start(ledger_db: str, key_file: Path, tmp_path: Path) -> None:
    await vault.store("person/1", b"x")
    keys.create_once(tmp_path / "other.key", b"A" * 43 + b"=\n")
    with pytest.raises(WrongMasterKey, match="put back the key file"):
        await keys.open_master(tmp_path / "other.key")


@pytest.mark.parametrize("text", ["", "# only words\n", "not base64!\n", "AAAA\n"])
async def test_a_file_that_holds_no_key_is_refused(ledger_db: str, tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.key"
    file.write_text(text)
    with pytest.raises(WrongMasterKey, match="copy"):
        await keys.open_master(file)


async def test_without_an_open_master_key_nothing_is_sealed(ledger_db: str) -> None:
    keys.close_master()
    with pytest.raises(KeyTrouble, match="open_master"):
        await vault.store("person/1", b"x")


async def fill(count: int) -> list[UUID]:
    async with db.transaction():
        rows = await vault.prepare_many([(f"person/{n:03}", b"%d" % n) for n in range(count)])
        await vault.insert(rows)
        sealed = {"name": Sealed("person/000", "Zofia")}
        await ledger.append(actor="system", entries=[NewEntry("case/a", "case.opened", sealed=sealed)])
    await vault.destroy_subject("person/001")
    return [row.id for row in rows if row.subject != "person/001"]


async def test_rotation_wraps_every_key_anew_and_drops_the_old_one(ledger_db: str, key_file: Path) -> None:
    stored = await fill(25)
    old, signer = keys.master().ids, await signing.public_key()
    assert await keys.rotate_master(chunk=10) == 25  # 24 persons and the deployment
    assert len(keys.master().ids) == 1
    assert keys.master().ids != old
    await keys.open_master(key_file)
    assert len(await vault.load_many(stored)) == 24
    assert [each.value for each in await ledger.open_sealed([("case/a", 1)])] == ["Zofia"]
    assert await signing.public_key() == signer


async def test_a_rotation_killed_half_way_loses_nothing_and_is_resumed(
    ledger_db: str, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, done, whole = await fill(25), [], keys._rewrap_chunk

    async def dies_in_the_second(identity: str, after: str, chunk: int) -> list[str]:
        if done:
            raise KeyboardInterrupt
        done.append(await whole(identity, after, chunk))
        return done[-1]

    monkeypatch.setattr(keys, "_rewrap_chunk", dies_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        await keys.rotate_master(chunk=10)
    monkeypatch.undo()
    keys.close_master()
    ring = await keys.open_master(key_file)
    assert len(ring.ids) == 2
    assert len(await vault.load_many(stored)) == 24
    fresh = await vault.store("person/during", b"new")
    under = await db.fetchval("SELECT master_id FROM core_key WHERE subject = 'person/during'")
    assert under == ring.current[0]
    assert await keys.rotate_master(chunk=10) == 14
    assert keys.master().ids == [under]
    assert len(await vault.load_many([*stored, fresh])) == 25


async def test_a_process_with_the_old_ring_seals_under_the_new_key(ledger_db: str, key_file: Path) -> None:
    await vault.store("person/1", b"x")
    stale = keys.master()
    await keys.open_master(key_file)
    await keys.rotate_master()
    keys._opened = stale  # as in another process, which read the file before
    fresh = await vault.store("person/2", b"y")
    assert await vault.load(fresh) == b"y"
    assert await db.fetchval("SELECT count(DISTINCT master_id) FROM core_key") == 1


async def test_a_rotation_waits_for_writers_and_finds_their_keys(ledger_db: str) -> None:
    async with db.transaction():
        identity = await vault.store("person/slow", b"x")
        rotation = asyncio.create_task(_rotate_outside())
        await asyncio.sleep(0.2)
        assert not rotation.done()
    assert await rotation == 1
    assert await vault.load(identity) == b"x"


async def _rotate_outside() -> int:
    async with db.outside():
        return await keys.rotate_master()


async def test_a_signing_key_of_another_database_is_refused(ledger_db: str, key_file: Path) -> None:
    key_file.with_name(signing.FILE).write_text("A" * 80 + "\n")
    with pytest.raises(KeyTrouble, match="does not belong to this database"):
        await signing.public_key()

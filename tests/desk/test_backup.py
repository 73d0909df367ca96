"""A desk in one file, and a desk from it: whole, checked, and without those who were erased since."""

import contextlib
import json
import resource
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from ombud.commands import keeping
from ombud.config import Config, load
from ombud.desk.backup import container, making, settling
from ombud.desk.errors import NotNow
from ombud.desk.outgoing import writing
from ombud.desk.privacy import erasing, journal, replaying, requests
from ombud.desk.privacy.commands import replay_command
from ombud.desk.privacy.requests import RequestGiven
from ombud.kernel import postgres_copy
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.postgres import PostgresError, create_database, drop_database
from ombud.process import run_with
from ombud.testing import DeskTemplate, migrated_copy
from ombud.testing_desk import ADDRESS, Desk, running_desk
from ombud.trust import vault
from ombud.trust.ledger import NewEntry, append
from ombud.trust.ledger_verify import verify

NAME, EMAIL = "Zephyrine Quillfeather", "zephyrine@quillfeather.example"


@dataclass
class Ground:
    """Where a test restores: as many empty databases and folders as it asks for, on the server of the tests."""

    url: str
    folder: Path
    made: list[str]

    def place(self, name: str) -> Config:
        database = f"ombud_restored_{self.folder.name.replace('-', '_')}_{len(self.made)}"
        self.made.append(database)
        return _config(create_database(self.url, database), self.folder / name)


def _config(url: str, data: Path) -> Config:
    variables = {"OMBUD_DATABASE_URL": url, "OMBUD_SERVER_BASE_URL": ADDRESS, "OMBUD_PLUGINS_ENABLED_FIRST": ""}
    return load(data=data, environ=variables)


@pytest.fixture
def ground(_postgres_run: tuple[str, str], tmp_path: Path) -> Iterator[Ground]:
    found = Ground(_postgres_run[0], tmp_path, [])
    yield found
    for each in found.made:
        drop_database(found.url, each)


@pytest.fixture
def source(_postgres_run: tuple[str, str], desk_template: DeskTemplate, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Opens the desk that is backed up; one desk of a process at a time, so it is closed before another is restored."""
    with migrated_copy(*_postgres_run, desk_template.database) as url:
        data = desk_template.copy_data(tmp_path / "source")

        @contextlib.asynccontextmanager
        async def opened() -> AsyncIterator[Desk]:
            async with running_desk(url, data, is_prepared=True) as desk:
                yield desk

        yield opened


async def _person(desk: Desk, text: str = "The fee was taken twice.") -> tuple[UUID, UUID]:
    filed = await desk.file(text, name=NAME, email=EMAIL)
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    async with db.transaction():
        await db.execute("UPDATE core_case SET status = 'closed', closed_at = $2 WHERE id = $1", filed.case_id, now())
        body = {"status": "closed", "before": "new"}
        await append(actor="system", entries=[NewEntry(f"case/{filed.case_id}", "case.status_changed", body)])
    return UUID(str(person)), UUID(str(filed.case_id))


async def _erase(desk: Desk, person: UUID) -> None:
    await desk.enable("gdpr")
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    viewer = await desk.viewer("compliance")
    made = await requests.record(viewer, RequestGiven("gdpr", "erasure", unit, person_id=person, name=NAME))
    await requests.check_identity(viewer, made, "confirmed", "Called back on the number we know.", None)
    await erasing.order(viewer, made, {}, None)
    await desk.work()
    assert await db.fetchval("SELECT state FROM core_privacy_erasure") == "done"


async def _backup(desk: Desk, path: Path, *, with_keys: bool = True) -> making.Made:
    return await making.make(desk.config, db.url, path, with_keys=with_keys)


async def _restore(config: Config, path: Path, **more: Any) -> int:
    with container.opened(path) as found:
        found.check()
        return await keeping.restored(config, found, **more)


@contextlib.asynccontextmanager
async def _desk_of(config: Config) -> AsyncIterator[Desk]:
    async with running_desk(config.database.url, config.data.dir, is_prepared=True) as desk:
        yield desk


async def _state() -> dict[str, Any]:
    """What two restorations of the same backup must agree on."""
    people = await db.fetch("SELECT id, name, email, erased_at IS NOT NULL AS erased FROM core_person ORDER BY id")
    cases = await db.fetch("SELECT id, reference, title, status FROM core_case ORDER BY id")
    destroyed = await db.fetch("SELECT subject FROM core_key WHERE destroyed_at IS NOT NULL ORDER BY 1")
    return {"people": list(map(tuple, people)), "cases": list(map(tuple, cases)), "keys": list(map(tuple, destroyed))}


async def test_a_restored_desk_serves_and_has_forgotten_whom_the_journal_names(source, ground, tmp_path, capsys):
    path = tmp_path / "desk.zip"
    async with source() as desk:
        person, case = await _person(desk, f"I am {NAME}.")
        other = await desk.file("Another matter.", name="Somebody Else", email="else@example.org")
        (desk.config.data.dir / "brought").mkdir()
        (desk.config.data.dir / "brought" / "list.csv").write_text("of a plugin")
        letter = await writing.write(await desk.viewer("leader"), UUID(str(other.case_id)), writing.Wanted("Soon."))
        await desk.signed_in("agent")
        made = await _backup(desk, path)
        assert path.stat().st_mode & 0o077 == 0
        await _erase(desk, person)
        kept = tmp_path / "journal-kept-apart.jsonl"
        kept.write_bytes(journal.path().read_bytes())
    one, two = ground.place("one"), ground.place("two")
    assert await _restore(one, path, given=kept) == 0
    said = capsys.readouterr()
    assert "1 were done again" in said.out
    assert "The ledger holds" in said.out
    assert "1 messages were about to leave" in said.out
    assert "NO ERASURE JOURNAL" not in said.err
    async with _desk_of(one) as desk:
        first = await _state()
        assert ("Erased", "", True) in [each[1:] for each in first["people"]]
        assert ("Somebody Else", "else@example.org", False) in [each[1:] for each in first["people"]]
        assert await db.fetchval("SELECT title FROM core_case WHERE id = $1", case) == "Erased"
        assert (await verify(publish_file=desk.config.ledger.publish_file, sealed=True)).broken == ""
        body = await db.fetchval("SELECT body FROM core_ledger_entry WHERE kind = 'desk.restored'")
        assert (body["backup"], body["journal"]) == (made.manifest["id"], "given")
        assert (await settling.standing()).state == "good"
        assert await db.fetchval("SELECT state FROM core_outgoing WHERE id = $1", letter.id) == "unsure"
        assert await db.fetchval("SELECT count(*) FROM core_session") == 0
        assert (desk.config.data.dir / "brought" / "list.csv").read_text() == "of a plugin"
        assert journal.path().read_bytes() == kept.read_bytes(), "the journal goes on where it was"
        leader = await desk.signed_in("leader")
        assert (await leader.get(f"/cases/{other.reference}")).status_code == 200
        history = await (await desk.signed_in("compliance")).get("/administration/ledger/entries")
        assert "The desk was put back from a backup" in history.text
        raws = await db.fetch("SELECT vault_id FROM core_raw WHERE case_id = $1", other.case_id)
        assert b"Another matter." in await vault.load(raws[0]["vault_id"]), "the keys came with it"
        assert await replaying.replay() == replaying.Replayed(1, 0, [])
    assert await _restore(two, path, given=kept) == 0
    async with _desk_of(two):
        assert await _state() == first


async def test_without_a_journal_the_desk_says_so_until_one_is_given_or_waived(source, ground, tmp_path, capsys):
    path = tmp_path / "desk.zip"
    async with source() as desk:
        person, _ = await _person(desk)
        await _backup(desk, path)
        await _erase(desk, person)
        kept = tmp_path / "journal-kept-apart.jsonl"
        kept.write_bytes(journal.path().read_bytes())
    config = ground.place("one")
    assert await _restore(config, path) == 0
    assert "NO ERASURE JOURNAL WAS GIVEN" in (said := capsys.readouterr().err)
    assert "ombud privacy replay --journal FILE" in said
    async with _desk_of(config) as desk:
        assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", person) == NAME
        found = await settling.standing()
        assert (found.state, "WITHOUT the erasure journal" in found.said) == ("bad", True)
        page = await (await desk.signed_in("administrator")).get("/administration/health")
        assert "WITHOUT the erasure journal" in page.text
        assert await replay_command() == 0
        assert (await settling.standing()).state == "bad", "its own copy is the backup's, which knows nothing newer"
        with pytest.raises(NotNow, match="There is no file"):
            await replay_command(tmp_path / "nothing")
        assert await replay_command(kept) == 0
        assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", person) == "Erased"
        assert (await settling.standing()).state == "good"
    lost = ground.place("two")
    await _restore(lost, path)
    async with _desk_of(lost):
        assert await replay_command(waived=True) == 0
        assert (await settling.standing()).state == "good"
        kinds = await db.fetch("SELECT body->>'journal' AS journal FROM core_ledger_entry "
                               "WHERE kind = 'desk.journal_replayed' ORDER BY at, id")  # fmt: skip
        assert [row["journal"] for row in kinds] == ["none", "waived"]


async def test_a_replay_that_was_interrupted_is_done_by_the_same_call_again(source, ground, tmp_path, monkeypatch):
    path = tmp_path / "desk.zip"
    async with source() as desk:
        person, _ = await _person(desk)
        await _backup(desk, path)
        await _erase(desk, person)
        kept = tmp_path / "journal-kept-apart.jsonl"
        kept.write_bytes(journal.path().read_bytes())
    config = ground.place("one")

    async def interrupted(*given: Any) -> Any:
        raise ConnectionError("the power went")

    with monkeypatch.context() as broken:
        broken.setattr(replaying, "destroy", interrupted)
        with pytest.raises(ConnectionError):
            await _restore(config, path, given=kept)
    await db.close()
    async with _desk_of(config):
        assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", person) == NAME
        assert (await settling.standing()).state == "bad"
    assert await _restore(config, path) == 0, "the journal lies in its place since the first try"
    async with _desk_of(config):
        assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", person) == "Erased"
        assert (await settling.standing()).state == "good"
        assert await db.fetchval("SELECT count(*) FROM core_restoration") == 1


async def test_a_plugin_that_does_not_answer_keeps_the_replay_open_and_is_named(
    source, ground, tmp_path, dummy, capsys
):
    path = tmp_path / "desk.zip"
    async with source() as desk:
        await desk.enable(dummy)
        person, _ = await _person(desk)
        await _backup(desk, path)
        await _erase(desk, person)
        kept = tmp_path / "journal-kept-apart.jsonl"
        kept.write_bytes(journal.path().read_bytes())
    from ombud_dummy.plugin import Memory

    config = ground.place("one")
    Memory.says = "raise"
    assert await _restore(config, path, given=kept) == 1
    assert "waits for the plugin dummy" in capsys.readouterr().err
    async with _desk_of(config):
        assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", person) == NAME
        assert (await settling.standing()).state == "bad"
        Memory.says, Memory.kept = "fine", {EMAIL: {"note": "likes tea"}}
        assert await replay_command() == 0
        assert Memory.kept == {}, "what only the plugin can look up goes as well"
        assert (await settling.standing()).state == "good"


async def test_what_cannot_be_restored_is_refused_before_anything_is_written(source, ground, tmp_path):
    path = tmp_path / "desk.zip"
    async with source() as desk:
        person, _ = await _person(desk)
        await _erase(desk, person)
        made = await _backup(desk, path, with_keys=False)
        secrets, lines = desk.config.secrets.master_key_file.parent, journal.path().read_bytes()
    assert made.manifest["keys"]["included"] is False
    assert not [name for name in made.manifest["files"] if name.startswith("secrets")]
    config = ground.place("one")

    async def refused(words: str, file: Path = path, **more: Any) -> None:
        with pytest.raises((NotNow, PostgresError), match=words):
            await _restore(config, file, **{"keys": secrets, **more})
        assert not config.data.dir.exists(), words

    await refused("There is no file", tmp_path / "nothing.zip")
    (tmp_path / "half.zip").write_bytes(path.read_bytes()[:20_000])
    await refused("not a whole one", tmp_path / "half.zip")
    await refused("damaged or changed", _changed(path, "database.dump", b"another"))
    await refused("does not name", _changed(path, "more.txt", b"planted"))
    await refused("holds no manifest", _changed(path, "manifest.json", b"{}"))
    await refused("leads out", _named(path, "../planted"))
    await refused("newer than this one", _told(path, lambda said: said["database"]["migrations"].append("2099-01-01")))
    await refused("keys are not in this backup", keys=None)
    other = tmp_path / "other-keys"
    other.mkdir()
    (other / "master.key").write_text("A" * 43 + "=\n")
    await refused("does not hold master key", keys=other)
    stranger = tmp_path / "stranger.jsonl"
    stranger.write_bytes(b"")
    await refused("not the journal of the desk", given=stranger)
    stranger.write_bytes(lines.replace(b"erase", b"spare", 1))
    await refused("does not hold", given=stranger)
    stranger.write_bytes(lines)
    run_with(replace(config, data=replace(config.data, dir=tmp_path / "forged")))
    (tmp_path / "forged" / "erasures").mkdir(parents=True)
    journal.path().write_bytes(lines)
    journal.write("shred", {"erasure": "x"})
    await refused("kind 'shred', which this Ombud does not know", given=journal.path())
    config.data.dir.mkdir()
    (config.data.dir / "letters.txt").write_text("mine")
    with pytest.raises(NotNow, match="is not empty"):
        await _restore(replace(config, database=replace(config.database, url="")), path, keys=secrets)


def _changed(path: Path, name: str, data: bytes) -> Path:
    copy = path.with_name(f"changed-{name}.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for each in old.namelist():
            new.writestr(each, data if each == name else old.read(each))
        if name not in old.namelist():
            new.writestr(name, data)
    return copy


def _told(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    with zipfile.ZipFile(path) as old:
        said = json.loads(old.read("manifest.json"))
    change(said)
    return _changed(path, "manifest.json", json.dumps(said).encode())


def _named(path: Path, name: str) -> Path:
    copy = _told(path, lambda said: said["files"].update({name: {"sha256": "", "bytes": 0}}))
    with zipfile.ZipFile(copy, "a") as archive:
        archive.writestr(name, b"")
    return copy


async def test_a_database_that_is_not_empty_goes_only_where_its_name_is_typed(source, ground, tmp_path):
    path = tmp_path / "desk.zip"
    async with source() as desk:
        await desk.file("The fee was taken twice.")
        await _backup(desk, path)
    config = ground.place("one")
    name = urlsplit(config.database.url).path.lstrip("/")
    await _restore(config, path)
    again = _config(config.database.url, tmp_path / "again")
    with pytest.raises(NotNow, match=f"--replace {name}"):
        await _restore(again, path)
    with pytest.raises(NotNow, match="is not empty"):
        await _restore(again, path, replace="another")
    assert await _restore(again, path, replace=name) == 0
    async with _desk_of(again):
        assert await db.fetchval("SELECT count(*) FROM core_case") == 1


async def test_a_backup_takes_no_files_place_and_leaves_nothing_half_written(desk, tmp_path):
    moment = now()
    into = making.target(tmp_path, desk.config, moment)
    assert into.parent == tmp_path
    assert into.name.startswith(f"ombud-{moment:%Y-%m-%d}")
    made = await _backup(desk, into)
    assert made.sha256 in str(
        await db.fetchval("SELECT body::text FROM core_ledger_entry WHERE kind = 'desk.backed_up'")
    )
    for wrong, words in (
        (into, "is there already"),
        (tmp_path / "nowhere" / "x.zip", "Make it first"),
        (desk.config.data.dir / "x.zip", "lies in the data folder"),
    ):
        with pytest.raises(NotNow, match=words):
            making.target(wrong, desk.config, moment)
    whole = tmp_path / "narrow.zip"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))  # as a disk that is full after so many bytes
    try:
        with pytest.raises(NotNow, match="no more room"):
            await _backup(desk, whole)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["desk", into.name])
    with pytest.raises(PostgresError, match="no pg_dump of that version"):
        postgres_copy.dump(db.url, 999, lambda part: None)


async def test_the_settings_of_the_desk_come_along_without_its_secrets(desk):
    config = _config("postgresql://desk:secret@db.example/ombud", desk.config.data.dir)
    config = replace(config, complaints=replace(config.complaints, reference_prefix="ABC"))
    text = making.settings_text(config)
    assert 'reference_prefix = "ABC"' in text
    assert "secret" not in text.replace("no secrets", "").replace("secrets and places", "")
    assert "db.example" not in text
    (desk.config.data.dir / "settings.toml").write_text(text)
    assert load(data=desk.config.data.dir, environ={}).complaints.reference_prefix == "ABC"


async def test_checkpoints_that_were_published_after_the_backup_are_kept_beside_it(source, ground, tmp_path):
    from ombud.trust import checkpoints

    path = tmp_path / "desk.zip"
    async with source() as desk:
        published = desk.config.ledger.publish_file
        await desk.file("The fee was taken twice.")
        await checkpoints.make_checkpoint()
        await checkpoints.publish(published)
        await _backup(desk, path)
        await desk.file("And once more.")
        await checkpoints.make_checkpoint()
        await checkpoints.publish(published)
        later = published.read_bytes()
    config = ground.place("one")
    config.data.dir.mkdir()
    (config.data.dir / published.name).write_bytes(later)
    assert await _restore(config, path) == 0
    assert (config.data.dir / "checkpoints.before-restore-1.jsonl").read_bytes() == later
    async with _desk_of(config) as desk:
        assert (await verify(publish_file=desk.config.ledger.publish_file)).broken == ""
        await checkpoints.make_checkpoint()
        assert await checkpoints.publish(desk.config.ledger.publish_file) == 1


async def test_orders_of_two_journals_that_went_apart_are_all_kept(desk, tmp_path):
    journal.write("erase", {"erasure": "one", "people": []})
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_bytes(journal.path().read_bytes())
    assert journal.adopt(theirs) == 0
    own = journal.path().read_bytes()
    journal.write("erase", {"erasure": "two", "people": []})
    longer = journal.path().read_bytes()
    journal.path().write_bytes(own)
    journal.write("erase", {"erasure": "three", "people": []})
    theirs.write_bytes(longer)
    assert journal.adopt(theirs) == 1
    assert [each["erasure"] for each in journal.orders()] == ["one", "three", "two"]
    assert journal.adopt(theirs) == 0

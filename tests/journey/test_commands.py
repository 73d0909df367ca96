"""The command line, as an administrator uses it, against a desk in a folder of its own."""

import glob
import os
import pwd
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow
BODY = {
    "channel": "api",
    "person": {"name": "Ann", "email": "ann@example.org"},
    "matters": [{"text": "Fee taken twice."}],
}


def file_complaint(address: str, token: str, key: str = "k1") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", "idempotency-key": key}
    return httpx.post(f"{address}/api/v1/complaints", json=BODY, headers=headers, timeout=20)


def count_of_cases(address: str, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return int(httpx.get(f"{address}/api/v1/cases", headers=headers, timeout=20).json()["total"])


def test_a_fresh_desk_takes_a_complaint_and_every_command_works_beside_it(make_desk: Callable[..., Any]) -> None:
    desk = make_desk()
    first = desk.command("migrate")
    assert "Sign in as admin with the password " in first
    assert "password" not in desk.command("migrate")
    assert "webform" in desk.command("plugin", "list")
    desk.start()
    desk.command("user", "add", "ewa", "--role", "agent", "--password-stdin", given="harbour lantern moss\n")
    desk.command("user", "passwd", "ewa", "--password-stdin", given="another lantern moss\n")
    token = desk.command("token", "create", "--user", "ewa").splitlines()[-1]
    filed = file_complaint(desk.address, token)
    assert filed.status_code == 201
    reference = filed.json()["reference"]
    case = httpx.get(
        f"{desk.address}/api/v1/cases/{reference}", headers={"authorization": f"Bearer {token}"}, timeout=20
    )
    assert case.json()["aspects"][0]["status"] == "open"
    desk.command("plugin", "disable", "webform")
    assert "disabled" in desk.command("plugin", "list")
    desk.command("plugin", "enable", "webform")
    desk.command("ledger", "checkpoint")
    assert "hold" in desk.command("ledger", "verify")
    export = desk.data.parent / "case.jsonl"
    desk.command("ledger", "export", "--case", reference, "-o", str(export))
    assert export.read_text().count('"type":"entry"') >= 2
    desk.command("check")
    assert "acknowledge  on (version 1)" in desk.command("rules", "list")
    assert "1 cases with" in desk.command("rules", "replay")
    desk.command("key", "rotate")
    desk.stop()
    assert "hold" in desk.command("ledger", "verify")


def test_wrong_words_are_refused_with_the_remedy(make_desk: Callable[..., Any], prepared: Path) -> None:
    nowhere = make_desk("nowhere")
    nowhere.command("check", code=1)
    assert "Make one with: ombud migrate" in nowhere.said
    assert not nowhere.data.exists()
    desk = make_desk(of=prepared)
    desk.command("plugin", "enable", "nothing", code=1)
    assert "no plugin nothing installed" in desk.said
    desk.command("token", "create", "--user", "nobody", code=1)
    assert "there is no user nobody" in desk.said
    desk.command("user", "add", "ewa", "--password-stdin", given="short\n", code=1)
    assert desk.said.startswith("ombud: ")
    desk.command("ledger", "export", "--case", "OMB-00000-0", "-o", str(desk.data.parent / "x"), code=1)
    desk.command("rules", "replay", "--rule", "nothing", code=2)
    assert "See which there are with: ombud rules list" in desk.said
    desk.command("rules", "replay", "--months", "0", code=2)
    assert "Give --months from 1 to" in desk.said
    broken = desk.data / "settings.toml"
    broken.write_text("[server]\nprt = 8000\n")
    desk.command("check", code=2)
    assert "line 2" in desk.said
    assert "Did you mean port?" in desk.said


def test_a_second_serve_of_the_same_folder_is_refused_and_a_killed_one_shuts_nobody_out(
    make_desk: Callable[..., Any], prepared: Path
) -> None:
    desk = make_desk(of=prepared)
    desk.start()
    pid = desk.pid
    desk.command("serve", "--port", "0", code=1)
    assert f"is served already, by process {pid} (" in desk.said
    assert "--data" in desk.said
    assert httpx.get(f"{desk.address}/sign-in", timeout=20).status_code == 200
    desk.command("ledger", "verify")
    desk.die()
    desk.start()
    assert desk.pid != pid
    assert httpx.get(f"{desk.address}/sign-in", timeout=20).status_code == 200


def test_a_desk_is_backed_up_while_it_serves_and_the_restored_one_serves_beside_it(
    make_desk: Callable[..., Any], prepared: Path
) -> None:
    one, other = make_desk("one", of=prepared), make_desk("other")
    token = one.token
    one.start()
    reference = file_complaint(one.address, token).json()["reference"]
    folder = one.data.parent / "backups"
    folder.mkdir()
    said = one.command("backup", str(folder))
    assert "The keys are NOT in this file" in said
    [file] = folder.iterdir()
    one.command("backup", str(file), code=1)
    assert "is there already" in one.said
    other.command("restore", str(file), code=1)
    assert "--keys FOLDER" in other.said
    said = other.command("restore", str(file), "--keys", str(one.data / "secrets"))
    assert "1 cases and 1 people are back" in said
    assert "The ledger holds" in said
    other.start()
    case = httpx.get(
        f"{other.address}/api/v1/cases/{reference}", headers={"authorization": f"Bearer {token}"}, timeout=20
    )
    assert case.json()["aspects"][0]["status"] == "open"
    assert "WITHOUT the erasure journal" in other.command("check", code=1)
    other.command("privacy", "replay", "--no-journal")
    assert count_of_cases(one.address, token) == 1


def test_an_export_fills_a_new_folder_and_the_desk_there_serves_beside_the_first(
    make_desk: Callable[..., Any], prepared: Path
) -> None:
    one, other = make_desk("one", of=prepared), make_desk("other")
    token = one.token
    one.start()
    filed = file_complaint(one.address, token).json()
    export = one.data.parent / "desk.zip"
    one.command("export", "all", "-o", str(export))
    one.command("import", "desk", str(export), code=1)
    assert "This desk is not empty; it has 1 users, 1 cases" in one.said
    said = other.command("import", "desk", str(export))
    assert "Sign in as admin" not in said
    assert "ombud user passwd NAME  (admin)" in said
    assert "Everything came in" in said
    other.command("user", "passwd", "admin", "--password-stdin", given="harbour lantern moss\n")
    fresh = other.command("token", "create", "--user", "admin").splitlines()[-1]
    assert "enabled" in other.command("plugin", "list")
    other.start()
    found = httpx.get(
        f"{other.address}/api/v1/cases/{filed['reference']}", headers={"authorization": f"Bearer {fresh}"}, timeout=20
    )
    assert found.json()["aspects"][0]["text"] == "Fee taken twice."
    assert httpx.get(f"{other.address}/complain", timeout=20, follow_redirects=True).status_code == 200
    assert one.address != other.address
    assert file_complaint(one.address, fresh).status_code == 401  # of the other desk
    later = file_complaint(other.address, fresh, "k2").json()["reference"]
    assert later != filed["reference"]
    assert [count_of_cases(desk.address, key) for desk, key in ((one, token), (other, fresh))] == [1, 2]
    assert "hold" in other.command("ledger", "verify")


@pytest.fixture
def external_url(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL of Debian's packages (15 or newer) on a private socket, run by an unprivileged user."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        reason = "no PostgreSQL of Debian's packages is installed; on Debian: apt-get install postgresql"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    programs, folder = Path(found[-1]).parent, Path(f"/tmp/ombud-ext-{os.getpid()}")
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    as_owner: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid} if owner else {}
    folder.mkdir(mode=0o755)
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    run: dict[str, Any] = {"capture_output": True, **as_owner}
    words = ["-D", str(folder / "data"), "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "ombud", "--no-sync"]
    subprocess.run([programs / "initdb", *words], check=True, **run)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    control = [programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options]
    subprocess.run([*control, "start"], check=True, **run)
    try:
        yield f"postgresql://ombud@/postgres?host={folder}"
    finally:
        subprocess.run([programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], check=True, **run)
        subprocess.run(["rm", "-rf", folder], check=True)


def test_an_external_postgresql_of_an_older_version_serves_as_well(
    make_desk: Callable[..., Any], external_url: str
) -> None:
    desk = make_desk(OMBUD_DATABASE_URL=external_url)
    desk.command("migrate")
    token = desk.command("token", "create", "--user", "admin").splitlines()[-1]
    desk.start()
    assert file_complaint(desk.address, token).status_code == 201
    assert not (desk.data / "postgres").exists()
    assert "hold" in desk.command("ledger", "verify")
    desk.stop()  # before its database goes

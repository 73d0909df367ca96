"""`ombud import csv`: in processes of its own where it is killed, else in this one, which is quicker."""

import argparse
import asyncio
import contextlib
import csv
import gzip
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ombud.desk.platform import context_for
from ombud.trust.policy import SYSTEM
from ombud_csv_import import runs
from ombud_csv_import.command import configure, run_command
from ombud_csv_import.runs import sql

SAMPLES = Path(__file__).parent / "samples"
NARRATIVES = Path(__file__).parents[4] / Path("shared/data/cfpb/narratives-2015-2017.csv.gz")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


class Import:
    """The command in a process that can be killed."""

    def __init__(self, desk: Any) -> None:
        self._environment = {
            **os.environ,
            "OMBUD_DATABASE_URL": desk.config.database.url,
            "OMBUD_DATA_DIR": str(desk.config.data.dir),
        }

    async def begin(self, *words: str | Path) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ombud", "import", "csv", *map(str, words),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=self._environment,
        )  # fmt: skip

    async def run(self, *words: str | Path) -> Ended:
        process = await self.begin(*words)
        out, err = await asyncio.wait_for(process.communicate(), 240)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())


class Here:
    """The same command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def run(self, *words: str | Path) -> Ended:
        parser = argparse.ArgumentParser()
        configure(parser)
        self._capsys.readouterr()
        code = await run_command(parser.parse_args([str(word) for word in words]), context_for("csv-import", SYSTEM))
        return Ended(code, *self._capsys.readouterr())


@pytest.fixture
async def here(desk: Any, capsys: pytest.CaptureFixture[str]) -> Here:
    await desk.enable("csv-import")
    return Here(capsys)


@pytest.fixture
async def command(desk: Any) -> Import:
    await desk.enable("csv-import")
    return Import(desk)


async def cases() -> list[dict[str, Any]]:
    return await sql("SELECT * FROM core_case ORDER BY opened_at, reference")


def figures(out: str) -> dict[str, int]:
    lines = (line.rsplit(maxsplit=1) for line in out.splitlines()[1:5])
    return {name.strip(): int(number.replace(",", "")) for name, number in lines}


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def killed_after(command: Import, rows: int, *words: str | Path) -> None:
    """Begins the import and kills its process without a word once so many rows are accounted for."""
    process = await command.begin(*words)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.returncode is None:
        found = await sql("SELECT max(rows_in) AS rows FROM csv_import_run")
        if (found[0]["rows"] or 0) >= rows:
            break
        await asyncio.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@pytest.mark.slow
@pytest.mark.skipif(not NARRATIVES.exists(), reason="the 2,024 narratives of shared data are not on this machine")
async def test_all_narratives_become_cases_once_though_the_import_is_killed_half_way(command: Import) -> None:
    await killed_after(command, 900, NARRATIVES)
    half = len(await cases())
    assert 900 <= half < 2024
    ended = await command.run(NARRATIVES)
    assert ended.code == 0, ended.err
    assert "Going on." in ended.err
    assert figures(ended.out) == {"rows in": 2024, "cases made": 2024, "duplicates": 0, "rejected": 0}
    made = await sql("SELECT name FROM core_person")
    with gzip.open(NARRATIVES, "rt", encoding="utf-8", newline="") as file:
        ids = Counter(row["id"] for row in csv.DictReader(file))
    assert Counter(row["name"] for row in made) == Counter({f"Name withheld (CFPB {number})": 1 for number in ids})
    assert set(ids.values()) == {1}


async def test_import_killed_again_and_again_accounts_for_each_row_exactly(command: Import, tmp_path: Path) -> None:
    rows = [f"{number},Fee {number} was taken twice." for number in range(230)]
    file = write(tmp_path / "fees.csv", "id,text", *rows, "7,Fee 7 was taken twice.", "8,Another text", "9,")
    for reached in (1, 60, 130):
        await killed_after(command, reached, file)
    ended = await command.run(file)
    assert ended.code == 0, ended.err
    assert figures(ended.out) == {"rows in": 233, "cases made": 230, "duplicates": 2, "rejected": 1}
    assert len(await cases()) == 230
    assert "line 233: already filed as" in ended.out
    assert "with other content; the case was left as it is" in ended.out
    assert "line 234: The row holds no complaint text" in ended.out


async def test_same_file_again_makes_nothing_and_says_so(here: Here) -> None:
    file = SAMPLES / "cfpb_narratives_20.csv"
    first = await here.run(file)
    second = await here.run(file)
    assert figures(first.out)["cases made"] == 20
    assert figures(second.out) == {"rows in": 20, "cases made": 0, "duplicates": 20, "rejected": 0}
    assert len(await cases()) == 20


@pytest.mark.parametrize(("columns", "made"), [(18, 2), (16, 2), (15, 12)])
async def test_each_cfpb_export_makes_cases(here: Here, tmp_path: Path, columns: int, made: int) -> None:
    from ombud_csv_import.layouts import FULL, SIXTEEN

    file = SAMPLES / "cfpb_2026_15_columns.csv"
    if columns != 15:
        header = FULL if columns == 18 else SIXTEEN
        told = {"Complaint ID": "1290516", "Date received": "03/19/2015", "Product": "Mortgage", "Issue": "Fees",
                "Consumer complaint narrative": "They charged me twice, and would not say why.",
                "Submitted via": "Phone", "Company": "Modra Bank", "ZIP code": "606XX"}  # fmt: skip
        file = tmp_path / "export.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, header)
            writer.writeheader()
            writer.writerow(told)
            writer.writerow({**told, "Complaint ID": "1290517", "Consumer complaint narrative": ""})
    ended = await here.run(file)
    assert ended.code == 0, ended.err
    assert figures(ended.out)["cases made"] == made
    found = await cases()
    assert len(found) == made
    if columns != 15:
        assert {(case["channel"], str(case["received_on"])) for case in found} == {("phone", "2015-03-19")}
        assert [row["name"] for row in await sql("SELECT name FROM core_attachment")] == ["imported-row.txt"] * 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b'id,text\n1,"It never ends\n2,no\n', "never ends. Close its quote"),
        (b"PK\x03\x04 workbook", "not CSV text"),
        (b"text,text\na,b\n", "Two columns are named 'text'"),
        (b"id,colour\n1,red\n", "No column gives the text"),
        (b"id,te\0xt\n1,x\n", "NUL"),
    ],
)
async def test_file_that_cannot_be_read_files_nothing(here: Here, tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    ended = await here.run(file)
    assert ended.code == 2
    assert words in ended.err
    assert await cases() == []
    assert await runs.newest() == []


async def test_rows_core_refuses_are_rejected_with_line_and_reason(here: Here, tmp_path: Path) -> None:
    file = write(
        tmp_path / "mixed.csv", "id,text,date,phone", "1,Good,2026-01-05,", "2,Old,1985-01-05,",
        f"3,Long phone,2026-01-05,{'9' * 60}", "4,Good too,2026-01-05,", "5,No such day,2026-13-05,",
    )  # fmt: skip
    ended = await here.run(file, "--report", tmp_path / "report.csv")
    assert ended.code == 0, ended.err
    assert figures(ended.out) == {"rows in": 5, "cases made": 2, "duplicates": 0, "rejected": 3}
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as report:
        rows = {int(row["line"]): row for row in csv.DictReader(report)}
    assert rows.keys() == {3, 4, 6}
    assert "before 1990" in rows[3]["reason"]
    assert "person.phone" in rows[4]["reason"]
    write(file, "id,text,date,phone", "2,Old,1995-01-05,", f"3,Long phone,2026-01-05,{'9' * 9}")
    again = await here.run(file)
    assert figures(again.out)["cases made"] == 2, "a corrected row comes in under its id"


async def test_a_file_of_rejected_rows_alone_ends_with_a_code_of_its_own(here: Here, tmp_path: Path) -> None:
    file = write(tmp_path / "old.csv", "id,text,date", "1,Old,1985-01-05", "2,Older,1984-01-05")
    ended = await here.run(file)
    assert ended.code == 1
    assert "Nothing came in: every row was rejected" in ended.err
    assert "before 1990" in ended.out
    write(file, "id,text,date", "1,Old,1995-01-05", "2,Older,1984-01-05")
    some = await here.run(file)
    assert some.code == 0
    assert "1 of 2 rows were rejected; the others are here" in some.err
    write(file, "id,text,date", "1,Old,1995-01-05", "3,Oldest,1983-01-05")
    assert (await here.run(file)).code == 0, "what was here before counts"


async def test_unknown_unit_stops_the_import_at_once(here: Here) -> None:
    ended = await here.run(SAMPLES / "cfpb_narratives_20.csv", "--unit", "atlantis")
    assert ended.code == 2
    assert "There is no unit 'atlantis'" in ended.err
    assert await cases() == []


async def test_dry_run_tells_what_would_happen_and_files_nothing(here: Here, tmp_path: Path) -> None:
    file = write(tmp_path / "fees.csv", "id,text", "1,One", "2,Two", "1,One", "3,")
    ended = await here.run(file, "--dry-run")
    assert ended.code == 0
    assert "Nothing was filed" in ended.out
    assert figures("\n".join(ended.out.splitlines()[1:])) == {
        "rows in": 4, "cases made": 2, "duplicates": 1, "rejected": 1,
    }  # fmt: skip
    assert await cases() == []


async def test_two_imports_of_one_source_do_not_run_beside_each_other(command: Import, tmp_path: Path) -> None:
    rows = [f"{number},Fee {number}" for number in range(200)]
    one = write(tmp_path / "one.csv", "id,text", *rows)
    two = write(tmp_path / "two.csv", "id,text", *rows, "200,The last")
    first, second = await asyncio.gather(command.run(one, "--source", "crm"), command.run(two, "--source", "crm"))
    late = [ended for ended in (first, second) if ended.code == 2]
    if late:
        assert "Wait until it has ended" in late[0].err
        first, second = await command.run(one, "--source", "crm"), await command.run(two, "--source", "crm")
    assert len(await cases()) == 201
    accounts = await sql("SELECT sum(made)::int AS made FROM csv_import_run")
    assert accounts[0]["made"] == 201


async def test_mapping_of_the_page_serves_the_command(here: Here, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text(
        '{"narrative": "Opis", "external_id": "Nr", "received_at": "Dnia", "date_formats": ["%d.%m.%y"]}'
    )
    file = write(tmp_path / "skargi.csv", "Nr;Dnia;Opis;Kolor", "1;05.01.26;Naliczono opłatę dwa razy;biały")
    ended = await here.run(file, "--mapping", mapping)
    assert ended.code == 0, ended.err
    assert [str(case["received_on"]) for case in await cases()] == ["2026-01-05"]
    mapping.write_text('{"narrative": "Treść"}')
    refused = await here.run(file, "--mapping", mapping)
    assert refused.code == 2
    assert "The file has no column 'Treść'" in refused.err

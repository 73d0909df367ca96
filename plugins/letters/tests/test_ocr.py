"""Reading real scans with ocrmypdf and Tesseract: every file of the collection goes through, and how well."""

import re
import shutil
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import papers
import pytest
from conftest import choose

from ombud.kernel.database import db
from ombud_letters import ocr, scans

SCANS = Path(__file__).parents[3].parent / "shared" / "data" / "ocr_scans"
LINN = (
    "The LinnSequencer is a state-of-the-art composition and performance tool for the professional musician. "
    "It is extremely powerful, yet amazingly simple to learn and use."
)
EXPECTED = {
    "crom.png": "Covfefe is a perfectly cromulent word",
    "epson.pdf": "From Wikipedia, the free encyclopedia Optical character recognition",
    "francais.pdf": "Portez ce vieux whisky au juge blond qui fume",
    "graph.pdf": "support Percentage",
    "linn.pdf": LINN,
    "linn.png": LINN,
    "rotated_skew.pdf": LINN,
    "skew.pdf": LINN,
    "typewriter.png": "Linzensoep Waterman ons linzen liter water uien bloem boter kopjes melk laurier kruidnagel",
}
LEAST = {"typewriter.png": 0.85, "francais.pdf": 0.85, "graph.pdf": 0.5}

needs_tools = pytest.mark.skipif(
    shutil.which("ocrmypdf") is None or shutil.which("tesseract") is None,
    reason="ocrmypdf or tesseract is not installed; on Debian: apt-get install ocrmypdf tesseract-ocr-pol",
)
needs_scans = pytest.mark.skipif(
    not SCANS.is_dir(), reason="the folder shared/data/ocr_scans is not beside this checkout"
)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def found(expected: str, read: str) -> float:
    """The share of the expected words that were read, in their order."""
    wanted, got = words(expected), words(read)
    matcher = SequenceMatcher(None, wanted, got, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(wanted)


async def upload(browser: Any, name: str, data: bytes) -> str:
    answer = await browser.submit(
        "/p/letters/scans", {"on": "2026-01-05"}, files={"scan": (name, data, "application/octet-stream")}
    )
    return str(answer.headers["location"])


async def text_of(page: str) -> str:
    identity = page.rpartition("/")[2]
    rows = await db.fetch("SELECT text FROM letters_page WHERE scan = $1::uuid ORDER BY number", identity)
    return "\n".join(row["text"] for row in rows)


@needs_tools
@needs_scans
@pytest.mark.slow
async def test_every_scan_of_the_collection_goes_through_and_is_read(letters_desk: Any) -> None:
    leader = await letters_desk.signed_in("leader")
    files = sorted(path for path in SCANS.iterdir() if path.suffix in {".pdf", ".png"})
    assert len(files) >= 10
    pages = {path.name: await upload(leader, path.name, path.read_bytes()) for path in files}
    await letters_desk.work(rounds=50)
    shares = {}
    for name, page in pages.items():
        scan = await scans.get(page.rpartition("/")[2])  # type: ignore[arg-type]
        assert scan is not None
        html = (await leader.get(page)).text
        if name == "invalid.pdf":
            assert (scan.state, scan.reason) == ("broken", "broken")
            assert "The file is damaged" in html
            assert (await leader.get(f"{page}/file")).content == (SCANS / name).read_bytes()
            continue
        assert (scan.state, scan.unread) == ("review", ""), name
        assert "<img " in html
        if name in EXPECTED:
            shares[name] = found(EXPECTED[name], await text_of(page))
    print("\nshare of expected words read:", {name: round(share, 3) for name, share in shares.items()})
    assert {name for name, share in shares.items() if share < LEAST.get(name, 0.95)} == set()
    assert set(EXPECTED) & set(pages) == set(shares)


@needs_tools
async def test_a_scanned_letter_is_straightened_read_and_can_be_searched_in_the_inbox(letters_desk: Any) -> None:
    from io import BytesIO

    from PIL import Image

    from ombud.trust import vault

    text = (
        "Dear Sir or Madam,\n\nthe monthly fee was taken twice\nin October. Please pay it back.\n\n"
        "Yours faithfully\nHelena Marsh"
    )
    with Image.open(BytesIO(papers.picture(text, size=(1240, 900)))) as straight:
        skewed = straight.rotate(2.0, fillcolor="white")
    made = BytesIO()
    skewed.save(made, "JPEG", dpi=(150, 150), quality=85)
    leader = await letters_desk.signed_in("leader")
    page = await upload(leader, "letter.jpg", made.getvalue())
    await letters_desk.work()
    html = (await leader.get(page)).text
    assert 'value="Helena Marsh"' in html
    assert found("the monthly fee was taken twice in October Please pay it back", html) >= 0.9
    await leader.submit(f"{page}/take-all", {}, page=page)
    await letters_desk.work()
    row = await db.fetchrow("SELECT id, body FROM core_message WHERE channel = 'letter' AND direction = 'in'")
    assert "fee was taken twice" in row["body"]
    kept = await db.fetchval("SELECT vault_id FROM core_attachment WHERE message_id = $1", row["id"])
    assert found("the monthly fee was taken twice", papers.words_of(await vault.load(kept))) >= 0.8


@needs_tools
async def test_a_page_that_takes_too_long_costs_only_its_own_text(
    letters_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program hangs where a page carries no text; the others keep theirs."""
    real = ocr.bounded.run

    async def hangs(given: Any, place: Path, **limits: Any) -> Any:
        source = str(given[-2])
        if given[0] == "ocrmypdf" and source in {"pages.pdf", "alone-2.pdf"}:
            raise ocr.bounded.TooLong("it hangs")
        if given[0] == "ocrmypdf":
            shutil.copyfile(place / source, place / str(given[-1]))
            return ocr.bounded.Ended(0, "")
        return await real(given, place, **limits)

    monkeypatch.setattr(ocr.bounded, "run", hangs)
    leader = await letters_desk.signed_in("leader")
    page = await upload(leader, "three.pdf", papers.pdf("first of three", " ", "third of three"))
    await letters_desk.work()
    scan = await scans.get(page.rpartition("/")[2])  # type: ignore[arg-type]
    assert scan is not None
    assert (scan.state, scan.unread) == ("review", "too_long")
    assert "first of three" in await text_of(page)
    assert "third of three" in await text_of(page)
    assert "took too long to read" in (await leader.get(page)).text


@needs_tools
async def test_languages_that_are_not_installed_are_named_before_they_are_saved(letters_desk: Any) -> None:
    administrator = await letters_desk.signed_in("administrator")
    form = (await administrator.get("/settings/p-letters")).text
    assert "Languages of incoming post" in form
    await choose(ocr_languages=["xyz"])
    program = await ocr.program_of()
    assert "eng" in program.languages
    tried = await administrator.submit("/settings/p-letters/try", {}, page="/settings/p-letters", follow=True)
    assert tried.status_code in {200, 422}
    leader = await letters_desk.signed_in("leader")
    page = await upload(leader, "one.pdf", papers.pdf("its own text"))
    await letters_desk.work()
    assert "No language of the settings is installed" in (await leader.get(page)).text
    assert "its own text" in await text_of(page)

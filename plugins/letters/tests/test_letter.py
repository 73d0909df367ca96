"""A letter of ours as PDF: typeset from strings, tagged, readable by machines as it is by people."""

import re
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

import papers
import pikepdf
import pytest
from PIL import Image

from ombud_letters import composing, typesetting
from ombud_letters.settings import Letterhead
from ombud_letters.workshop.pages import count
from ombud_plugin_api import Misconfigured, OutboundMessage, Permanent, Recipient

HEAD = Letterhead(
    "Modra Bank", ("Complaints team", "12 Harbour Street"), "Modra Bank, 12 Harbour Street", ("Modra Bank plc.",)
)
TODAY, NOW = date(2026, 11, 26), datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LONG = "Responsible organisations communicate extraordinarily comprehensible explanations regarding misunderstandings."

HOSTILE = """#panic("boom") and #import "@preview/cetz:0.1.0": *
= no heading
$x^2 + sum_(i=0)^n i$ *not bold* _not italic_ `not raw`
#include "/etc/passwd" #read("/etc/passwd") \\u{41} \\ ~ -- --- ... "quotes" 'single'
<label> @reference // no comment /* none either */ #(1 + 1) #sys.version [content] {code}
#set page(width: 1pt) #eval("1/0") https://example.org/a?b=c&d=e#f %PDF-1.4 \\input{x} <script>alert(1)</script>"""


def message(text: str, **about: Any) -> OutboundMessage:
    recipient = about.pop("recipient", Recipient(name="Ms Helena Marsh", address="27 Long Acre\nBrighton\nBN1 4GH"))
    return OutboundMessage(
        id=UUID(int=1), channel="letter", kind="reply", recipient=recipient, text=text,
        subject=about.pop("subject", "Your complaint"), reference="OMB-7F3K2-9", **about,
    )  # fmt: skip


async def typeset(text: str, enclosures: tuple[str, ...] = (), head: Letterhead = HEAD, **about: Any) -> bytes:
    made = await typesetting.letter(composing.data_of(message(text, **about), head, TODAY, "", enclosures), NOW)
    return made.pdf


def squeezed(text: str) -> str:
    """Without spaces: where a line ends in the letter says nothing."""
    return "".join(text.split())


async def test_a_letter_is_tagged_says_its_language_and_title_and_is_made_for_everybody() -> None:
    with pikepdf.open(BytesIO(await typeset("Dear Ms Marsh,\n\n- one\n- two", ("Leaflet",)))) as pdf:
        root = pdf.Root
        assert root.StructTreeRoot is not None
        assert root.MarkInfo.Marked
        assert str(root.Lang) == "en"
        assert root.ViewerPreferences.DisplayDocTitle
        with pdf.open_metadata() as about:
            assert about["dc:title"] == "Your complaint (OMB-7F3K2-9)"
            assert about["pdfuaid:part"] == "1"
        kinds = [str(each) for each in _kinds(root.StructTreeRoot)]
    assert "/H1" in kinds
    assert {"/P", "/L", "/LI"} <= set(kinds)


def _kinds(node: Any) -> list[Any]:
    found = [node.S] if "/S" in node else []
    below = node.get("/K", [])
    for each in below if isinstance(below, pikepdf.Array) else [below]:
        if isinstance(each, pikepdf.Dictionary):
            found += _kinds(each)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "Dear Ms Marsh,\n\nwe paid 12.00 zł back.\nOn 3 October.\n\nYours sincerely,\nJan Kowalski",
        HOSTILE,
        "\n\n".join([LONG] * 30),
        "- not alone\n- two\n  goes on here\n- three",
        "One line - with a dash\n- one item alone",
        "Zażółć gęślą jaźń. Łódź, Świnoujście, Ząbkowice; ĄĆĘŁŃÓŚŹŻ",
        "Ümläute, français, Ελληνικά, Кириллица",
    ],
)
async def test_what_the_letter_says_is_what_the_message_says(text: str) -> None:
    read = squeezed(papers.words_of(await typeset(text)))
    for line in text.splitlines():
        plain = line.strip().removeprefix("- ")
        assert squeezed(plain) in read.replace("Page1of2", ""), line


async def test_nothing_in_a_letter_is_read_by_the_typesetter_wherever_it_stands() -> None:
    name, line = '#panic("name")', '= #read("/etc/passwd") $a$ *b*'
    about: dict[str, Any] = {
        "recipient": Recipient(name=name, address=f"{line}\n<lab> @ref"),
        "subject": HOSTILE.splitlines()[0],
    }
    head = Letterhead('#panic("firm")', (line,), line, (line,))
    read = papers.words_of(await typeset("plain", (line,), head, **about))
    assert "root:" not in read
    assert squeezed(read).count(squeezed(line)) >= 4
    assert name in read
    assert '#panic("firm")' in read


async def test_long_words_are_parted_as_their_language_has_it() -> None:
    text = "Przedstawiciele najprawdopodobniej niejednokrotnie odpowiedzialności przeprowadzonego postępowania " * 12
    polish, english = _parted(await typeset(text, language="pl")), _parted(await typeset(text, language="en"))
    assert polish
    assert polish != english
    assert all(text.count(first + second) for first, second in polish)


def _parted(data: bytes) -> set[tuple[str, str]]:
    """Both halves of each word that is parted at the end of a line; PDFium marks the place."""
    import pypdfium2

    text = pypdfium2.PdfDocument(data)[0].get_textpage().get_text_bounded()
    return set(re.findall(r"(\w+)[\ufffe\xad\x02]\r?\n?(\w+)", text))


async def test_a_second_page_says_whose_letter_it_is_and_which_page() -> None:
    data = await typeset("\n\n".join([LONG] * 24))
    with pikepdf.open(BytesIO(data)) as pdf:
        pages = len(pdf.pages)
    assert pages == 2
    import pypdfium2

    second = pypdfium2.PdfDocument(data)[1].get_textpage().get_text_bounded()
    assert "Modra Bank" in second
    assert "OMB-7F3K2-9 · 26 November 2026" in second
    assert "Page 2 of 2" in second


async def test_a_letter_of_one_page_counts_no_pages() -> None:
    assert "Page 1" not in papers.words_of(await typeset("Short."))


async def test_a_polish_letter_has_polish_words_around_it() -> None:
    read = papers.words_of(await typeset("Szanowna Pani", ("Ulotka",), language="pl"))
    assert "Nasz znak OMB-7F3K2-9" in read
    assert "26 listopada 2026" in read
    assert "Załączniki" in read


@pytest.mark.parametrize(("window", "left"), [("left", True), ("right", False)])
async def test_the_address_stands_in_the_window_of_the_envelope(window: str, left: bool) -> None:
    """Of a DL envelope around a sheet folded in three: 45 mm from the top, 20 mm from the side, 90 by 45 mm."""
    import pypdfium2

    head = Letterhead("Modra Bank", (), "Modra Bank, 12 Harbour Street", (), window)
    page = pypdfium2.PdfDocument(await typeset("Text", head=head))[0].get_textpage()
    mm = 72 / 25.4
    box = (
        (20 * mm, (297 - 90) * mm, 110 * mm, (297 - 45) * mm)
        if left
        else (100 * mm, (297 - 90) * mm, 190 * mm, (297 - 45) * mm)
    )
    inside = page.get_text_bounded(*box)
    for each in ("Modra Bank, 12 Harbour Street", "Ms Helena Marsh", "27 Long Acre", "Brighton", "BN1 4GH"):
        assert each in inside
    assert "Our reference" not in inside


async def test_a_sign_that_no_font_has_is_named_and_nothing_is_sent_without_it() -> None:
    with pytest.raises(Permanent, match="No font on this desk has the sign"):
        await typeset("Total: \U0001f9ff\U00012345 \u4e00")


async def test_signs_that_turn_the_reading_or_are_not_written_are_left_out() -> None:
    assert "abcdef" in papers.words_of(await typeset("abc\u202e\x00\x07\ufeffdef"))


async def test_a_picture_at_the_head_stands_for_the_name_and_has_it_as_its_words() -> None:
    made = BytesIO()
    Image.new("RGBA", (400, 120), (11, 92, 104, 255)).save(made, "PNG")
    data = composing.data_of(message("Text"), HEAD, TODAY, "logo.png", ())
    pdf = await typesetting.letter(data, NOW, made.getvalue())
    with pikepdf.open(BytesIO(pdf.pdf)) as opened:
        assert "/Figure" in [str(each) for each in _kinds(opened.Root.StructTreeRoot)]
    with pytest.raises(Misconfigured, match="cannot be drawn"):
        await typesetting.letter(data, NOW, b"\x89PNG\r\n\x1a\nrubbish")


async def test_the_same_letter_gives_the_same_bytes() -> None:
    assert await typeset("Text") == await typeset("Text")


def test_the_name_is_not_said_twice_in_the_address() -> None:
    whom = Recipient(name="Ms Helena Marsh", address="ms helena marsh\n27 Long Acre")
    assert composing.address_lines(message("x", recipient=whom)) == ["ms helena marsh", "27 Long Acre"]


def test_lines_that_all_begin_with_a_dash_are_a_list_and_a_single_one_is_not() -> None:
    blocks = composing.blocks_of("We did:\n- one\n- two\n  more of two\n\n- alone\n\n1. first\n2. second")
    assert [(each.kind, list(each.parts)) for each in blocks] == [
        ("text", ["We did:"]), ("list", [["one"], ["two", "more of two"]]), ("text", ["- alone"]),
        ("text", ["1. first", "2. second"]),
    ]  # fmt: skip


async def test_bold_words_and_headings_of_a_message_are_bold_and_show_no_signs() -> None:
    text = "**A. The fee was taken twice**\n\nUpheld, and **at once**.\n\n# What next\n\n- We pay **42**\n- We write"
    told = squeezed(papers.words_of(await typeset(text)))
    for words in ("A. The fee was taken twice", "Upheld, and at once.", "What next", "We pay 42"):
        assert squeezed(words) in told
    assert "*" not in told
    assert "#" not in told
    assert composing.runs("5 * 4 ** 2 = 80") == [(False, "5 * 4 ** 2 = 80")]


async def test_a_separator_sheet_has_a_code_that_is_found_in_a_scan(tmp_path: Any) -> None:
    import pypdfium2
    import zxingcpp

    from ombud_letters.channel import SEPARATOR

    for language, words in (("en", "Next letter"), ("pl", "Następny list")):
        made = await typesetting.separator(language, NOW)
        assert words in papers.words_of(made.pdf)
        page = pypdfium2.PdfDocument(made.pdf)[0].render(scale=100 / 72).to_pil().rotate(184, fillcolor="white")
        assert [each.text for each in zxingcpp.read_barcodes(page)] == [SEPARATOR]
        (tmp_path / "sheet.pdf").write_bytes(made.pdf)
        assert count(tmp_path / "sheet.pdf") == 1

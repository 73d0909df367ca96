"""Paper for tests: letters as PDF with a text layer, pictures of pages, sheets with codes."""

import json
import tempfile
from io import BytesIO
from pathlib import Path

import pikepdf
import typst
from PIL import Image, ImageDraw, ImageFont

PAGE = """
#let it = json("page.json")
#set page(paper: "a4", margin: 25mm)
#set text(font: "Libertinus Serif", size: 12pt, hyphenate: false)
#for (place, page) in it.enumerate() {
  if place > 0 { pagebreak() }
  for line in page { par(line) }
}
"""


def pdf(*pages: str) -> bytes:
    """Pages with these words as a PDF that carries its text."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "main.typ").write_text(PAGE, "utf-8")
        (place / "page.json").write_text(
            json.dumps([[line or " " for line in each.split("\n")] for each in pages]), "utf-8"
        )
        made = typst.Compiler(str(place / "main.typ"), root=str(place)).compile(format="pdf")
    assert isinstance(made, bytes)
    return made


def together(*files: bytes) -> bytes:
    whole = pikepdf.Pdf.new()
    for each in files:
        whole.pages.extend(pikepdf.open(BytesIO(each)).pages)
    made = BytesIO()
    whole.save(made)
    return made.getvalue()


def blank() -> bytes:
    whole, made = pikepdf.Pdf.new(), BytesIO()
    whole.add_blank_page(page_size=(595, 842))
    whole.save(made)
    return made.getvalue()


def picture(text: str, kind: str = "PNG", frames: int = 1, size: tuple[int, int] = (1240, 1754)) -> bytes:
    """A page as a scanner gives it, at 150 dots per inch."""
    made, pages = BytesIO(), []
    for number in range(frames):
        page = Image.new("L", size, "white")
        shown = text if frames == 1 else f"{text} {number + 1}"
        ImageDraw.Draw(page).multiline_text(
            (120, 160), shown, fill="black", font=ImageFont.load_default(34), spacing=16
        )
        pages.append(page)
    more = {"save_all": True, "append_images": pages[1:]} if frames > 1 else {}
    pages[0].save(made, kind, dpi=(150, 150), **more)
    return made.getvalue()


def words_of(data: bytes) -> str:
    """The text of a PDF, words parted by one space, words that were parted at line ends put together."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
    for parted in ("\ufffe\r\n", "\ufffe\n", "\xad\r\n", "\xad\n", "\x02\r\n", "\x02", "\ufffe", "\xad"):
        text = text.replace(parted, "")
    return " ".join(text.split())

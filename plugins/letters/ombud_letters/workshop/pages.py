"""Scans: what they are, how many pages they have, what stands on each, and how it looks."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_raw
import zxingcpp
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from ombud_letters.workshop.refusing import Unfit

A4 = (8.27, 11.69)  # inches
SHOWN = 1400  # longest side of a page's picture, in pixels
LOOKED_AT = 2000  # longest side of the picture in which codes are looked for
DARK, INK = 128, 0.0004
"""A page with a smaller share of dark pixels than this is blank: a speck of dust, no line of writing."""


def count(path: Path) -> int:
    document = pdfium.PdfDocument(path)
    try:
        return len(document)
    finally:
        document.close()


def open_scan(most_pages: int) -> dict[str, Any]:
    """Of the file `scan`, whatever it is, `scan.pdf` with its pages. Refused: locked, broken, unknown, empty,
    too_many_pages."""
    start = Path("scan").read_bytes()[:1024]
    if not start:
        raise Unfit("empty")
    if b"%PDF-" in start:
        pages = _pdf(most_pages)
    else:
        pages = _pictures(most_pages)
    return {"pages": pages}


def _pdf(most_pages: int) -> int:
    try:
        document = pdfium.PdfDocument(Path("scan"))
    except pdfium.PdfiumError as problem:
        locked = getattr(problem, "err_code", None) == pdfium_raw.FPDF_ERR_PASSWORD or "assword" in str(problem)
        raise Unfit("locked" if locked else "broken") from problem
    try:
        pages = len(document)
        if not pages:
            raise Unfit("empty")
        _bounded(pages, most_pages)
        if not _sound(pages):
            _saved(document)
    finally:
        document.close()
    return pages


def _sound(pages: int) -> bool:
    """Whether the file can be cut as it is; then it stays as it came."""
    try:
        with pikepdf.open(Path("scan")) as document:
            if len(document.pages) != pages:
                return False
    except (pikepdf.PdfError, OSError, ValueError):
        return False
    shutil.copyfile("scan", "scan.pdf")
    return True


def _saved(document: pdfium.PdfDocument) -> None:
    """A PDF that PDFium could open, written anew: damaged tables of contents are mended on the way."""
    whole = pdfium.PdfDocument.new()
    try:
        whole.import_pages(document)
        whole.save(Path("scan.pdf"))
    except pdfium.PdfiumError as problem:
        raise Unfit("broken") from problem
    finally:
        whole.close()


def _bounded(pages: int, most: int) -> None:
    if pages > most:
        raise Unfit("too_many_pages", str(pages))


def _pictures(most_pages: int) -> int:
    """JPEG, PNG, TIFF of one page or many, and what else Pillow opens of a scanner's files."""
    try:
        picture = Image.open(Path("scan"), formats=("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP"))
        _bounded(getattr(picture, "n_frames", 1), most_pages)
        document = pdfium.PdfDocument.new()
        for frame in ImageSequence.Iterator(picture):
            _add_page(document, frame, alone=getattr(picture, "n_frames", 1) == 1)
    except UnidentifiedImageError as problem:
        raise Unfit("unknown") from problem
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, pdfium.PdfiumError) as problem:
        raise Unfit("broken") from problem
    document.save(Path("scan.pdf"))
    return len(document)


def _add_page(document: pdfium.PdfDocument, frame: Image.Image, alone: bool) -> None:
    straight = ImageOps.exif_transpose(frame)
    untouched = alone and frame.format == "JPEG" and frame.mode in {"RGB", "L"} and straight.size == frame.size
    dots = _dots_per_inch(straight)
    size = (straight.width / dots * 72, straight.height / dots * 72)
    page, shown = document.new_page(*size), pdfium.PdfImage.new(document)
    if untouched and not frame.getexif().get(0x0112, 1) > 1:
        shown.load_jpeg(Path("scan"), inline=True)  # the very bytes of the scanner
    else:
        shown.set_bitmap(pdfium.PdfBitmap.from_pil(_on_white(straight)))
    shown.set_matrix(pdfium.PdfMatrix().scale(*size))
    page.insert_obj(shown)
    page.gen_content()


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        ground = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(ground, clear).convert("RGB")
    return picture.convert("L" if picture.mode in {"1", "L", "I;16", "I"} else "RGB")


def _dots_per_inch(picture: Image.Image) -> float:
    """What the file says, where it makes sense; else as many as make it fit a sheet of A4."""
    said = picture.info.get("dpi", (0, 0))
    try:
        dots = float(said[0])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        dots = 0.0
    fitting = max(picture.width / A4[0], picture.height / A4[1], 1.0)
    return dots if 90 <= dots <= 2400 and picture.width / dots < 40 and picture.height / dots < 60 else fitting


def look(file: str) -> dict[str, Any]:
    """Each page of a PDF: its text, the codes on it, whether it is blank; and its picture as `page-<n>.jpg`, from 1."""
    try:
        document = pdfium.PdfDocument(Path(file))
        return {"pages": [_looked_at(page, number) for number, page in enumerate(_pages(document), 1)]}
    except pdfium.PdfiumError as problem:
        raise Unfit("broken") from problem


def _pages(document: pdfium.PdfDocument) -> Iterator[pdfium.PdfPage]:
    for place in range(len(document)):
        yield document[place]


def _looked_at(page: pdfium.PdfPage, number: int) -> dict[str, Any]:
    longest = max(*page.get_size(), 1.0)
    large = page.render(scale=min(LOOKED_AT / longest, 300 / 72)).to_pil().convert("L")
    codes = [each.text for each in zxingcpp.read_barcodes(large) if each.text]
    text = page.get_textpage().get_text_bounded().replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    small = page.render(scale=min(SHOWN / longest, 150 / 72)).to_pil().convert("RGB")
    small.save(f"page-{number}.jpg", quality=72, optimize=True)
    dark = sum(large.histogram()[:DARK]) / max(large.width * large.height, 1)
    return {"text": text.strip(), "codes": codes, "blank": not text.strip() and not codes and dark < INK}

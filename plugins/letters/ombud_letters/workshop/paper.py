"""PDFs cut and put together. What acts by itself is left out: scripts, actions on opening, files inside files."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
from PIL import Image

from ombud_letters.workshop.refusing import Unfit

ACTS = ("/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/GoToE", "/Rendition", "/RichMediaExecute")


def put_together(parts: Sequence[Mapping[str, Any]], name: str, title: str = "", even: bool = False) -> dict[str, Any]:
    """One PDF of `parts`: `{file, pages}` with pages counted from 1, all where none are named. `even`: each part
    begins on a sheet of its own when it is printed on both sides."""
    whole = pikepdf.Pdf.new()
    opened = [_opened(str(part["file"])) for part in parts]
    for part, source in zip(parts, opened, strict=True):
        wanted = part.get("pages") or range(1, len(source.pages) + 1)
        for number in wanted:
            whole.pages.append(source.pages[number - 1])
            _calmed(whole.pages[-1])
        if even and len(whole.pages) % 2 and part is not parts[-1]:
            whole.add_blank_page(page_size=(595.28, 841.89))
    if title:
        with whole.open_metadata() as about:
            about["dc:title"] = title
        whole.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
    whole.remove_unreferenced_resources()
    whole.save(name, deterministic_id=True)
    return {"pages": len(whole.pages)}


def _opened(file: str) -> pikepdf.Pdf:
    data = Path(file).read_bytes()
    try:
        return pikepdf.open(BytesIO(data if b"%PDF-" in data[:1024] else _printed(data)))
    except (pikepdf.PdfError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise Unfit("not_printable", file) from problem


def _printed(data: bytes) -> bytes:
    """A picture as a page of A4."""
    made = BytesIO()
    with Image.open(BytesIO(data), formats=("JPEG", "PNG", "GIF", "WEBP", "TIFF")) as picture:
        shown = picture.convert("RGB")
        shown.thumbnail((2200, 3100))
        shown.save(made, "PDF", resolution=max(shown.width / 7.4, shown.height / 10.8, 100.0))
    return made.getvalue()


def _calmed(page: pikepdf.Page) -> None:
    if "/AA" in page.obj:
        del page.obj["/AA"]
    notes = page.obj.get("/Annots")
    if not isinstance(notes, pikepdf.Array):
        return
    kept = [each for each in notes if not _acts(each)]
    page.obj.Annots = pikepdf.Array(kept)


def _acts(note: Any) -> bool:
    if not isinstance(note, pikepdf.Dictionary):
        return True
    action = note.get("/A")
    does = isinstance(action, pikepdf.Dictionary) and str(action.get("/S", "")) in ACTS
    return does or "/AA" in note or str(note.get("/Subtype", "")) in {"/FileAttachment", "/RichMedia", "/Screen"}

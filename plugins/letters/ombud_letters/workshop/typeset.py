"""Letters, cover lists and separator sheets, set by Typst from strings of a JSON file."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import typst
import zxingcpp

from ombud_letters.workshop.refusing import Unfit

HERE = Path(__file__).parent
FONTS = ["Libertinus Serif", "DejaVu Serif", "DejaVu Sans", "Noto Serif", "Noto Sans"]
"""The first comes with Typst (SIL Open Font License) and has all that is written in Latin, Greek and Cyrillic; the
others are asked for signs that it lacks, where Debian's packages brought them."""


def letter(data: dict[str, Any], made_at: int) -> dict[str, Any]:
    """`letter.pdf`: tagged, PDF/UA-1. Refused for a sign that no font here has."""
    return {"pages": _made("letter", data, "letter.pdf", made_at)}


def cover(data: dict[str, Any], made_at: int) -> dict[str, Any]:
    """`cover.pdf`: which letters a bundle holds, to tick off."""
    return {"pages": _made("cover", data, "cover.pdf", made_at)}


def sheet(data: dict[str, Any], code: str, made_at: int) -> dict[str, Any]:
    """`sheet.pdf`: a page with the code that says: here a new letter begins."""
    drawn = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode, ec_level="H")
    Path("code.svg").write_text(zxingcpp.write_barcode_to_svg(drawn, add_quiet_zones=False), "utf-8")
    return {"pages": _made("sheet", data, "sheet.pdf", made_at)}


def _made(template: str, data: dict[str, Any], name: str, made_at: int) -> int:
    Path("data.json").write_text(json.dumps({**data, "fonts": FONTS}, ensure_ascii=False), "utf-8")
    shutil.copyfile(HERE / f"{template}.typ", "main.typ")
    try:
        compiler = typst.Compiler("main.typ", root=".", package_path="none", package_cache_path="none")
        made = compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=made_at)
    except typst.TypstError as problem:
        raise _refusal(problem) from problem
    assert isinstance(made, bytes)
    Path(name).write_bytes(made)
    from ombud_letters.workshop.pages import count

    return count(Path(name))


def _refusal(problem: typst.TypstError) -> Unfit:
    said = f"{problem.message} {' '.join(problem.hints)}"
    if "could not be displayed with font" in said or "notdef" in said:
        sign = re.search(r"text '(.*?)'|text \"(.*?)\"|`(.*?)`", said)
        return Unfit("no_such_sign", next((each for each in sign.groups() if each), "") if sign else "")
    if "failed to decode image" in said or "unknown image format" in said:
        return Unfit("bad_logo")
    return Unfit("not_typeset", said[:300])

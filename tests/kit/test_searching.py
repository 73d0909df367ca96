"""The search for a person is not blind: it finds their words in every encoding, one within another, nowhere else."""

import base64
import gzip
import io
import json
import quopri
import zipfile
from collections.abc import Callable
from urllib.parse import quote

import pytest

from ombud_plugin_api.testing.searching import Search

WORDS = "Qworblax Zintefuld wrote ąę of it"
SEARCH = Search(["Qworblax Zintefuld", "snarvelquint"])


def _zip(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/file.txt", data)
    return made.getvalue()


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: b"before " + data + b" after",
    "hex": lambda data: b"bytea \\x" + data.hex().encode() + b" end",
    "base64": lambda data: b'"raw": "' + base64.b64encode(data) + b'"',
    "base64 in lines": base64.encodebytes,
    "base64 behind letters": lambda data: b"abc" + base64.b64encode(data),
    "base64 of addresses": base64.urlsafe_b64encode,
    "quoted-printable": lambda data: quopri.encodestring(data, quotetabs=True),
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "ZIP": _zip,
    "address": lambda data: quote(data).encode(),
}


@pytest.mark.parametrize("outer", WAYS)
@pytest.mark.parametrize("inner", WAYS)
def test_a_word_is_found_in_every_encoding_within_every_other(outer: str, inner: str) -> None:
    assert SEARCH.finds(WAYS[outer](WAYS[inner](WORDS.encode())))
    assert not SEARCH.finds(WAYS[outer](WAYS[inner](b"Qworblax alone, and a Zintefuld somewhere else")))


def test_json_escapes_case_and_blanks_hide_nothing() -> None:
    assert Search(["żółwik"]).finds(json.dumps({"name": "ŻÓŁWIK"}))
    assert Search(["żółwik"]).finds(json.dumps(json.dumps({"name": "Żółwik"})))
    assert SEARCH.finds("QWORBLAX\n   zintefuld")


def test_words_in_a_pdf_are_found_although_its_bytes_do_not_hold_them() -> None:
    pikepdf = pytest.importorskip("pikepdf")
    made, page = io.BytesIO(), pikepdf.Pdf.new()
    page.add_blank_page()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    page.pages[0].Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=page.make_indirect(font)))
    page.pages[0].Contents = page.make_stream(b"BT /F1 12 Tf 20 700 Td [(snarvel) -10 (quint)] TJ ET")
    page.save(made, compress_streams=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert b"snarvelquint" not in made.getvalue()
    assert SEARCH.finds(made.getvalue()) == "snarvelquint"
    assert SEARCH.finds(_zip(base64.b64encode(made.getvalue())))


@pytest.mark.parametrize("outer", ["hex", "base64", "gzip", "ZIP"])
def test_wide_letters_are_read_as_well(outer: str) -> None:
    assert SEARCH.finds(WAYS[outer](WORDS.encode("utf-16")))


def test_a_mark_that_stands_everywhere_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Search(["abc"])

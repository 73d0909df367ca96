"""What a file is, by its bytes: a sender's word does not make a page a picture."""

import io
import time
import zipfile
from dataclasses import replace

import pytest

from ombud.config import Config
from ombud.desk import attachments
from ombud.desk.errors import Invalid
from ombud.desk.file_kinds import SAFE_INLINE, UNKNOWN, content_type, kind_of, told, warning
from ombud.process import run_with
from ombud_plugin_api.facts import Document


def zipped(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return held.getvalue()


def document(name: str, data: bytes) -> Document:
    return Document(name=name, content_type="", data=data)


PNG, GIF, JPEG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"GIF89a\x01\0", b"\xff\xd8\xff\xe0\0\x10JFIF\0"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("photo.jpg", b"MZ\x90\0", "program"),
        ("run", b"\x7fELF\x02", "program"),
        ("A.class", b"\xca\xfe\xba\xbe\0", "program"),
        ("invoice.pdf.lnk", b"L\0\0\0\x01\x14\x02\0", "program"),
        ("tool.jar", zipped("META-INF/MANIFEST.MF"), "program"),
        ("app.zip", zipped("classes.dex"), "program"),
        ("setup.msi", OLE, "program"),
        ("letter.txt", b"#!/bin/sh\nrm -rf /", "script"),
        ("letter.bat", b"@echo off", "script"),
        ("letter.JS", b"alert(1)", "script"),
        ("photo.png", b"<!DOCTYPE html><script>x</script>", "page"),
        ("photo.png", b"\xef\xbb\xbf \n<HTML>", "page"),
        ("logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "page"),
        ("logo.jpg", b'<?xml version="1.0"?><svg/>', "page"),
        ("notes.txt", "<script>x</script>".encode("utf-16"), "page"),
        ("notes.html", b"just words", "page"),
        ("all.mht", b"MIME-Version: 1.0\nContent-Type: multipart/related", "page"),
        ("letter.docx", zipped("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "macro"),
        ("letter.odt", zipped("mimetype", "Basic/script-lb.xml"), "macro"),
        ("letter.doc", OLE + "_VBA_PROJECT".encode("utf-16-le"), "macro"),
        ("all.zip", zipped("a.txt"), "archive"),
        ("all.rar", b"Rar!\x1a\x07\x01\0", "archive"),
        ("all.7z", b"7z\xbc\xaf'\x1c\0\x04", "archive"),
    ],
)
def test_what_could_run_is_known_by_its_bytes_and_never_shown(name: str, data: bytes, kind: str) -> None:
    found = content_type(data, name)
    assert kind_of(found) == kind
    assert found not in SAFE_INLINE
    assert warning(name, found) == kind
    assert told(found) == (found if kind == "archive" else UNKNOWN)


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("a.png", PNG, "image/png"),
        ("a.jpg", JPEG, "image/jpeg"),
        ("a.gif", GIF, "image/gif"),
        ("a.webp", b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        ("a.pdf", b"%PDF-1.7\n", "application/pdf"),
        ("a.txt", "zażółć gęślą <b>jaźń</b> <script>".encode(), "text/plain"),
        ("a.docx", zipped("[Content_Types].xml", "word/document.xml"),
         "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.mp4", b"\0\0\0\x18ftypmp42", "video/mp4"),
        ("a.xyz", b"\x01\x02\x03\xff\xfe\xfd", UNKNOWN),
    ],
)  # fmt: skip
def test_what_people_send_keeps_its_type_and_gets_no_warning(name: str, data: bytes, found: str) -> None:
    assert content_type(data, name) == found
    assert warning(name, found) == ""


@pytest.mark.parametrize("start", [PNG, GIF, JPEG])
@pytest.mark.parametrize("hidden", [b"<ScRipt>alert(1)</script>", b"<svg onload=x>", b"<?php x", zipped("a.txt")])
def test_a_picture_that_is_something_else_too_is_no_picture(start: bytes, hidden: bytes) -> None:
    found = content_type(start + b"\0" * 300 + hidden, "photo.png")
    assert found == UNKNOWN
    assert warning("photo.png", found) == "other"


def test_looking_at_ten_megabytes_made_to_be_slow_takes_no_time() -> None:
    for start in (PNG, b"PK\x03\x04", OLE, b"<", b"", b"\xff\xfe", b"RIFF"):
        for filling in (b"<", b"<scrip", b"\0<", b"PK\x05\x05", b"mimetype", "łódź".encode()):
            data = (start + filling * (10_000_000 // len(filling)))[:10_000_000]
            began = time.thread_time()
            content_type(data, "a.png")
            assert time.thread_time() - began < 3  # about 0.1 s; others on the machine do not count


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("in\u202egnp.exe", "ingnp.exe"),
        ("a\u200b\u2066b\0\x85.pdf", "ab.pdf"),
        ("con.txt", "_con.txt"),
        ("...", "file"),
        (".htaccess", "htaccess"),
        ('x"\r\nSet-Cookie: a=b', "xSet-Cookie a=b"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_name_is_tidied_before_it_is_kept(given: str, kept: str) -> None:
    assert attachments.tidy_name(given) == kept


def test_which_kinds_are_refused_is_the_desks_own_choice() -> None:
    page, program = document("a.html", b"<p>"), document("b.exe", b"MZ")
    run_with(Config())
    assert attachments.checked([page])[0].content_type == "text/html"
    with pytest.raises(Invalid, match=r"b\.exe is a program; this desk takes none\. Send a picture"):
        attachments.checked([program])
    usual = Config()
    run_with(replace(usual, limits=replace(usual.limits, blocked_files=("page",))))
    assert attachments.checked([program])[0].content_type == "application/vnd.microsoft.portable-executable"
    with pytest.raises(Invalid, match="web page"):
        attachments.checked([page])


def test_a_file_never_stops_a_complaint_that_nobody_can_correct_any_more() -> None:
    run_with(Config())
    given = [document("good.txt", b"words"), document("b.exe", b"MZ"), document("none.pdf", b"")]
    kept = attachments.taken(given)
    assert [each.name for each in kept] == ["good.txt", "Files that were not kept.txt"]
    assert b"b.exe is a program" in kept[1].data
    assert b"none.pdf is empty" in kept[1].data
    assert len(attachments.taken([given[0]] * 30)) == 11

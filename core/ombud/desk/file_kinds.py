"""What a file is, by its bytes: its type, and whether opening it could run something. Nothing is ever unpacked."""

import re
from pathlib import PurePosixPath

from ombud.desk.errors import Invalid
from ombud.speech import sentence

UNKNOWN = "application/octet-stream"
MACRO, SCRIPT, SHORTCUT, INSTALLER = (
    "application/x-office-macro", "text/x-script", "application/x-ms-shortcut", "application/x-msi",
)  # fmt: skip

# What a browser shows without running anything in it; all else is saved to the disk.
SAFE_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"})

_PROGRAMS = {
    b"MZ": "application/vnd.microsoft.portable-executable", b"\x7fELF": "application/x-elf",
    b"\xca\xfe\xba\xbe": "application/java-vm", b"\xcf\xfa\xed\xfe": "application/x-mach-binary",
    b"\xce\xfa\xed\xfe": "application/x-mach-binary", b"\xfe\xed\xfa\xcf": "application/x-mach-binary",
    b"\0asm": "application/wasm", b"dex\n": "application/x-dex", b"L\0\0\0\x01\x14\x02\0": SHORTCUT,
}  # fmt: skip
_KNOWN = {
    b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif", b"GIF89a": "image/gif", b"II*\0": "image/tiff", b"MM\0*": "image/tiff",
    b"{\\rtf": "application/rtf",
}  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = {
    b"word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/workbook": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/presentation.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}  # fmt: skip
_MACROS = (b"vbaProject.bin", b"Basic/script-l", "_VBA_PROJECT".encode("utf-16-le"), "Macros".encode("utf-16-le"))
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def _endings(names: str) -> frozenset[str]:
    return frozenset(f".{each}" for each in names.split())


# Names that Windows, macOS or a desktop runs when they are opened, whatever a text file of that name says inside.
_SCRIPT_NAMES = _endings(
    "bat cmd com ps1 psm1 vbs vbe js jse mjs wsf wsh hta sh command reg scf url desktop inf applescript"
)
_PROGRAM_NAMES = _endings("exe dll scr cpl msi msp sys jar apk app lnk deb rpm dmg xll chm pif")
_PAGE_NAMES = _endings("html htm xhtml svg svgz xml xsl mht mhtml shtml php swf")

_BEGINS_PAGE = re.compile(rb"<(!doctype|html|head|body|script|svg|iframe|title|table|img|div|a |p>|h1|style|\?xml|!--|math|object|embed|form)", re.IGNORECASE)  # noqa: E501  # fmt: skip
_PAGE_SIGNS = (b"<script", b"<html", b"<svg", b"<iframe", b"<!doctype", b"<body", b"<?php", b"<embed", b"<object")

_PROGRAM_TYPES = frozenset({*_PROGRAMS.values(), INSTALLER, "application/java-archive"})
_PAGE_TYPES = frozenset({"text/html", "image/svg+xml", "application/xml", "multipart/related"})
_ARCHIVE = re.compile(r"application/(zip|gzip|x-gzip|x-7z-compressed|vnd\.rar|x-tar|x-bzip2?|x-xz|zstd|x-iso9660.*)\Z")

WORDS = {
    "program": "a program", "script": "a script", "page": "a web page", "macro": "an office file with macros",
    "archive": "an archive",
}  # fmt: skip


def content_type(data: bytes, name: str) -> str:
    """The type the bytes show; the sender's word does not count, but a name that a computer would run does."""
    ending = PurePosixPath(name.lower()).suffix
    for start, kind in _PROGRAMS.items():
        if data.startswith(start):
            return kind
    if data.startswith(_ZIP):
        return _in_zip(data, ending)
    if data.startswith(_OLE):
        return INSTALLER if ending == ".msi" else MACRO if _has(data, _MACROS) else "application/x-ole-storage"
    for start, kind in _KNOWN.items():
        if data.startswith(start):
            return _alone(data, kind)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _alone(data, "image/webp")
    return _text(data, ending) or _by_lists(data)


def _alone(data: bytes, kind: str) -> str:
    """A picture that is something else as well is no picture: it is kept as bytes that nothing opens."""
    if kind not in _IMAGES:
        return kind
    return UNKNOWN if _has(data.lower(), _PAGE_SIGNS) or b"PK\x05\x06" in data[-65_557:] else kind


def _in_zip(data: bytes, ending: str) -> str:
    """Names inside stand in clear, so they are looked for and nothing is unpacked."""
    if _has(data, _MACROS):
        return MACRO
    if b"META-INF/MANIFEST.MF" in data or b"classes.dex" in data or ending in _PROGRAM_NAMES:
        return "application/java-archive"
    for inside, kind in _OFFICE.items():
        if inside in data:
            return kind
    found = re.match(rb"mimetype(application/vnd\.oasis\.opendocument\.[a-z]+)", data[30:120])
    return found[1].decode() if found else "application/zip"


def _has(data: bytes, signs: tuple[bytes, ...]) -> bool:
    return any(sign in data for sign in signs)


def _text(data: bytes, ending: str) -> str:
    """Empty where the bytes are no text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # a browser may read UTF-16 as markup
        return UNKNOWN if len(data) % 2 else "text/html" if b"<\0" in data or b"\0<" in data else UNKNOWN
    start = data[:4096].lstrip(b"\xef\xbb\xbf\t\n\x0c\r ")
    if _BEGINS_PAGE.match(start):
        return "image/svg+xml" if b"<svg" in data[:4096].lower() else "text/html"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    if "\0" in text:
        return ""
    if text.startswith("#!") or ending in _SCRIPT_NAMES:
        return SCRIPT
    if ending in _PAGE_NAMES:
        return "text/html"
    return "multipart/related" if text[:400].lower().startswith("mime-version:") else "text/plain"


def _by_lists(data: bytes) -> str:
    import puremagic  # its lists are read only for a file that none of the signs above told

    try:
        found = puremagic.from_string(data[:65_536], mime=True)
    except (puremagic.PureError, ValueError):
        return UNKNOWN
    known = re.fullmatch(r"[a-z]+/[a-z0-9.+-]{1,80}", found or "")
    return found if known and found not in SAFE_INLINE else UNKNOWN


def kind_of(found: str) -> str:
    """What a file of this type could do: program, script, page, macro, archive, or nothing ("")."""
    if found in _PROGRAM_TYPES:
        return "program"
    if found == SCRIPT:
        return "script"
    if found == MACRO:
        return "macro"
    if found in _PAGE_TYPES or found.endswith("+xml"):
        return "page"
    return "archive" if _ARCHIVE.match(found) else ""


def told(found: str) -> str:
    """The type to send with the bytes: what could run gets none that a program on the reader's machine listens to."""
    return UNKNOWN if kind_of(found) in {"program", "script", "page", "macro"} else found


_SAYS = {
    ".png": "image/", ".jpg": "image/", ".jpeg": "image/", ".gif": "image/", ".webp": "image/", ".tif": "image/",
    ".tiff": "image/", ".heic": "image/", ".bmp": "image/", ".pdf": "application/pdf", ".txt": "text/plain",
    ".csv": "text/plain", ".docx": "application/", ".xlsx": "application/", ".pptx": "application/",
    ".doc": "application/", ".xls": "application/", ".mp3": "audio/", ".wav": "audio/", ".mp4": "video/",
}  # fmt: skip


def warning(name: str, found: str) -> str:
    """What to say beside a file before somebody opens it: a word of WORDS' keys, "other" where the name says
    another type than the bytes, or nothing."""
    kind = kind_of(found)
    if kind:
        return kind
    ending = PurePosixPath(name.lower()).suffix
    if ending in _PROGRAM_NAMES | _SCRIPT_NAMES:
        return "program"
    says = _SAYS.get(ending, "")
    return "other" if says and not found.startswith(says) else ""


def refuse_blocked(name: str, found: str, blocked: tuple[str, ...]) -> None:
    """Raises Invalid for a kind that this desk does not take."""
    kind = kind_of(found)
    if kind in blocked:
        raise Invalid(
            sentence(
                "The file %(name)s is %(kind)s; this desk takes none. Send a picture, a PDF or a text instead.",
                name=name,
                kind=WORDS[kind],
            ),
            "documents",
        )

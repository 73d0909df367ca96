"""What Outlook packs into winmail.dat."""

from ombud_email.charsets import plain, text_of
from ombud_plugin_api import Document

LARGEST, MOST = 30_000_000, 100


def unpacked(data: bytes) -> tuple[tuple[Document, ...], str, str] | None:
    """Its files, its text and its HTML; None where it cannot be read, and stays as it is."""
    if len(data) > LARGEST:
        return None
    from tnefparse import TNEF  # hardly a mail brings one

    try:
        packed = TNEF(data)
        files = tuple(_file(each) for each in packed.attachments[:MOST])
        text, shown = _words(packed.body), _words(packed.htmlbody)
    except Exception:
        return None
    files = tuple(each for each in files if each.data)
    return (files, text, shown) if files or text or shown else None


def _file(attachment: object) -> Document:
    name = str(getattr(attachment, "long_filename", lambda: "")() or getattr(attachment, "name", "") or "file")
    data = getattr(attachment, "data", b"") or b""
    kind = "application/octet-stream"
    return Document(name=plain(name).strip("\x00 ") or "file", content_type=kind, data=bytes(data))


def _words(held: object) -> str:
    if isinstance(held, bytes):
        return text_of(held)[0].strip("\x00 \n")
    return plain(str(held or "")).strip("\x00 \n")

"""Papers that people of the demonstration firm send: small, made here, and readable by the usual programs. Pure."""

import struct
import zlib
from random import Random

from ombud_plugin_api.facts import Document


def sent_with(rng: Random, channel: str, number: str) -> tuple[Document, ...]:
    """What comes with a complaint on this channel, if anything."""
    if channel == "letter":
        return (Document(name="letter-scan.png", content_type="image/png", data=picture(rng)),)
    if channel not in {"web", "email"} or rng.random() > 0.3:
        return ()
    lines = ["Statement, extract", f"File of complaint {number}"]
    lines += [f"{day:02d}  transfer  {rng.randrange(5, 500)}.00" for day in sorted(rng.sample(range(1, 28), 5))]
    if rng.random() < 0.5:
        return (Document(name="statement.pdf", content_type="application/pdf", data=pdf(lines)),)
    text = "".join(f"{line}\n" for line in lines)
    return (Document(name="statement.txt", content_type="text/plain", data=text.encode()),)


def picture(rng: Random, width: int = 120, height: int = 160) -> bytes:
    """A PNG that looks like a page from afar: pale paper with dark lines of different lengths."""
    lines = [rng.randrange(40, width - 10) for _ in range(height // 10)]
    rows = bytearray()
    for y in range(height):
        inked = lines[y // 10] if 3 <= y % 10 <= 5 and 1 <= y // 10 < len(lines) - 1 else 0
        rows += b"\x00" + b"\xf4" * 10 + b"\x55" * max(0, inked - 10) + b"\xf4" * (width - max(10, inked))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pdf(lines: list[str]) -> bytes:
    """One page of plain ASCII lines, without brackets or backslashes."""
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    drawn = f"BT /F1 11 Tf 15 TL 60 780 Td {shown} ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
    )
    written, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + tail

"""What real mails, and mails made to harm, come to mean."""

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import scoring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ombud_email import html, quotes
from ombud_email.charsets import decoded, text_of
from ombud_email.parsing import parse
from ombud_plugin_api import Automatic, InboundMessage, Permanent, RawReceipt

DATA = scoring.shared_data()
SAMPLES = Path(__file__).parent / "samples"
needs_data = pytest.mark.skipif(
    DATA is None, reason="the folder shared/data with real mails is not beside this checkout"
)
Mails = Callable[..., bytes]


def _said(body: bytes, content_type: str = "message/rfc822") -> InboundMessage:
    return parse(RawReceipt(channel="email", key="k", content_type=content_type, body=body))


def _plain(text: str, *headers: str) -> bytes:
    return "\r\n".join(["From: Helena Marsh <helena@example.org>", "Subject: Fee", *headers, "", text]).encode()


@needs_data
@pytest.mark.parametrize("score", scoring.SCORES, ids=lambda each: each.__name__)
def test_real_mails_are_understood_as_others_expect(score: Any) -> None:
    assert DATA is not None
    found = score(DATA)
    assert found.asked > 0
    assert found.wrong == []


@needs_data
def test_every_real_mail_is_read_within_a_second_and_the_same_twice() -> None:
    assert DATA is not None
    for path in sorted((DATA / "emails").glob("*/*.eml")):
        began = time.process_time()
        first = scoring.taken(path)
        assert time.process_time() - began < 2.0, path.name
        if isinstance(first, InboundMessage):
            assert first == scoring.taken(path), path.name


def test_a_plain_mail_tells_who_wrote_what_when_and_to_which_of_us() -> None:
    said = _said(
        _plain(
            "It was taken twice.\r\n\r\n-- \r\nHelena Marsh\r\n", "To: complaints+abc@firm.example, B <b@example.org>",
            "Cc: c@example.org", "Delivered-To: box@firm.example", "Date: Mon, 23 Nov 2026 10:00:00 +0100",
            "Message-ID: <own@example.org>", "In-Reply-To: <near@x>", "References: <far@x> <middle@x> <near@x>",
            "Content-Language: pl-PL",
        ),
        'message/rfc822; account="complaints@firm.example"; unit="north"; at="2026-11-23T09:05:00+00:00"',
    )  # fmt: skip
    assert (said.sender.name, said.sender.email) == ("Helena Marsh", "helena@example.org")
    assert (said.text, said.quoted) == ("It was taken twice.", "-- \nHelena Marsh")
    assert (said.thread.id, said.thread.answers) == ("own@example.org", ("near@x", "middle@x", "far@x"))
    assert said.thread.addresses == (
        "complaints+abc@firm.example", "b@example.org", "c@example.org", "box@firm.example"
    )  # fmt: skip
    assert said.said_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert said.received_at == datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
    assert (said.account, said.unit, said.language) == ("complaints@firm.example", "north", "pl")
    assert (said.automatic, said.reports, said.marks, said.documents) == (None, (), (), ())


def test_without_a_receipt_that_knows_the_topmost_stamp_tells_when_it_came() -> None:
    stamps = ("Received: from a by mx; Mon, 23 Nov 2026 09:12:00 +0000", "Received: from x by a; Sun, 22 Nov 2026 1:00")
    assert _said(_plain("x", *stamps)).received_at == datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
    assert _said(_plain("x", "Date: Thu, 99 Foo 99999 99:99")).said_at is None


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (("Auto-Submitted: auto-replied",), "auto_reply"),
        (("Auto-Submitted: auto-generated (rejected)",), "auto_reply"),
        (("X-Autoreply: yes",), "auto_reply"),
        (("X-Auto-Response-Suppress: All",), "auto_reply"),
        (("Return-Path: <>",), "auto_reply"),
        (("Precedence: bulk",), "bulk"),
        (("Precedence: list",), "list"),
        (("List-Id: <news.example.org>", "Precedence: bulk"), "list"),
        (("List-Unsubscribe: <https://example.org/u>",), "list"),
        (("From: MAILER-DAEMON@mx.example.org",), "bounce"),
    ],
)
def test_machines_are_known_by_their_headers(headers: tuple[str, ...], kind: str) -> None:
    body = "\r\n".join([*headers, "From: h@example.org", "Subject: x", "", "I am away."]).encode()
    said = _said(body)
    assert said.automatic is not None
    assert said.automatic.kind == kind
    assert said.automatic.reason.partition(":")[0].lower() == headers[0].partition(":")[0].lower()


@pytest.mark.parametrize(
    "headers",
    [
        ("Subject: Automatic reply: out of office",), ("Subject: Abwesenheitsnotiz",), ("Auto-Submitted: no",),
        ("X-Auto-Response-Suppress: None",), ("Return-Path: <helena@example.org>",), ("Precedence: normal",),
    ],
)  # fmt: skip
def test_people_are_no_machines_whatever_their_subject_says(headers: tuple[str, ...]) -> None:
    assert _said("\r\n".join([*headers, "From: h@example.org", "", "Hello"]).encode()).automatic is None


def _report(kind: str, *fields: str, returned: str = "Message-ID: <7@desk.example>") -> bytes:
    return "\r\n".join(
        [
            "From: Mail Delivery <MAILER-DAEMON@mx.example.org>", "Return-Path: <>", "Subject: Zwrot poczty",
            f"Content-Type: multipart/report; report-type={kind}; boundary=b", "", "--b", "", "It did not work.", "",
            f"--b\r\nContent-Type: message/{'disposition-notification' if kind[1] == 'i' else kind}", "", *fields, "",
            "--b", "Content-Type: text/rfc822-headers", "", returned, "", "--b--",
        ]
    ).encode()  # fmt: skip


@pytest.mark.parametrize(
    ("action", "status", "state", "kind"),
    [("failed", "5.1.1", "bounced", "bounce"), ("delayed", "4.4.1", "delayed", "report"),
     ("delivered", "2.0.0", "delivered", "report"), ("relayed", "2.0.0", "delivered", "report")],
)  # fmt: skip
def test_a_delivery_report_names_our_mail_and_what_became_of_it(
    action: str, status: str, state: str, kind: str
) -> None:
    said = _said(
        _report(
            "delivery-status", "Reporting-MTA: dns; mx.example.org", "", "Final-Recipient: rfc822; helena@example.org",
            f"Action: {action}", f"Status: {status}", "Diagnostic-Code: smtp; 550 no such user",
        )
    )  # fmt: skip
    (report,) = said.reports
    assert (report.about, report.state, report.code) == ("7@desk.example", state, status)
    assert (report.recipient, report.text) == ("helena@example.org", "550 no such user")
    assert isinstance(said.automatic, Automatic)
    assert said.automatic.kind == kind


def test_a_report_without_the_mail_names_it_by_the_envelope_we_gave() -> None:
    fields = ("Original-Envelope-Id: 7+2Ba+3D@desk.example", "", "Final-Recipient: rfc822; a@b", "Action: failed",
              "Status: 5.0.0")  # fmt: skip
    (report,) = _said(_report("delivery-status", *fields, returned="Subject: nothing")).reports
    assert report.about == "7+a=@desk.example"


def test_a_read_report_is_a_report_and_a_refusal_in_words_alone_is_a_bounce() -> None:
    said = _said(
        _report(
            "disposition-notification", "Final-Recipient: rfc822;helena@example.org",
            "Original-Message-ID: <8@desk.example>", "Disposition: manual-action/MDN-sent-manually; displayed",
        )
    )  # fmt: skip
    assert [(each.about, each.state, each.text) for each in said.reports] == [
        ("8@desk.example", "delivered", "Read report: displayed")
    ]
    old = _said(
        b"From: MAILER-DAEMON@old.example\r\nSubject: failure notice\r\n\r\nSorry. 5.1.1 no mailbox\r\n\r\n"
        b"--- Below is a copy\r\n\r\nMessage-ID: <9@desk.example>\r\nSubject: Your fee\r\n"
    )
    assert [(each.about, each.state, each.code) for each in old.reports] == [("9@desk.example", "bounced", "5.1.1")]


def test_only_what_our_own_server_found_out_about_a_sender_counts() -> None:
    headers = (
        "Authentication-Results: mx.firm.example; spf=pass smtp.mailfrom=a@example.org; dkim=fail (x) header.d=x.org",
        "Authentication-Results: evil.example; dmarc=pass header.from=bank.example",
        "Authentication-Results: mx.firm.example; dkim=pass header.d=bank.example; dmarc=none",
    )
    said = _said(_plain("x", *headers), 'message/rfc822; authserv="MX.firm.example"')
    assert [(each.key, each.label, each.tone) for each in said.marks] == [
        ("spf", "SPF: pass (example.org)", "good"), ("dkim", "DKIM: fail (x.org)", "bad"),
        ("dmarc", "DMARC: none", "neutral"),
    ]  # fmt: skip
    assert _said(_plain("x", *headers)).marks == ()


HOSTILE = """<html><head><style>body{background:url(https://evil.example/x)}</style><script>alert(1)</script></head>
<body onload="x()"><form action="https://evil.example"><input name=p></form><iframe src="https://evil.example"></iframe>
<p style="background:url(https://evil.example/y)">The <b>fee</b> <a href="javascript:alert(1)">here</a>
<a href="https://bank.example/x" onclick="y()">there</a></p><img src="https://evil.example/pixel.gif" width=1 alt="p">
<img src="cid:photo"><svg><script>2</script></svg><object data=x></object><meta http-equiv=refresh content="0;url=//e">
<img src="data:text/html;base64,PHNjcmlwdD4="><base href="https://evil.example"></body></html>"""


def test_html_is_shown_without_scripts_forms_styles_and_anything_from_outside() -> None:
    mail = EmailMessage()
    mail["From"] = "h@example.org"
    mail.set_content(HOSTILE, subtype="html")
    mail.add_related(b"\x89PNG\r\n\x1a\n", "image", "png", cid="<photo>", filename="damage.png")
    said = _said(mail.as_bytes())
    for word in ("evil.example", "script", "alert", "onload", "onclick", "<form", "<iframe", "style", "<svg", "<base"):
        assert word not in said.html.lower(), word
    assert '<a href="https://bank.example/x" rel="noopener noreferrer nofollow">there</a>' in said.html
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in said.html
    assert "The fee here there" in said.text
    assert [each.name for each in said.documents] == ["damage.png"]


def test_the_plain_text_counts_where_it_says_something_else_the_html() -> None:
    def made(plain: str) -> InboundMessage:
        mail = EmailMessage()
        mail["From"] = "h@example.org"
        mail.set_content(plain)
        mail.add_alternative("<p>The fee was taken <b>twice</b>.</p>" * 20, subtype="html")
        return _said(mail.as_bytes())

    assert made("The fee was taken twice. " * 20).text.startswith("The fee was taken twice. The")
    for nothing in ("", "Your mail program does not support HTML messages."):
        assert made(nothing).text.startswith("The fee was taken twice.\n")


def test_files_come_along_under_the_names_their_senders_gave() -> None:
    part = "Content-Type: application/pdf{0}\r\nContent-Disposition: attachment{1}\r\n\r\nx"
    names = [
        part.format("", "; filename*=UTF-8''%C5%BC%C3%B3%C5%82w.pdf"),
        part.format("", "; filename*0*=UTF-8''dwie%20; filename*1=czesci.pdf"),
        part.format('; name="=?iso-8859-2?Q?=BF=F3=B3w.pdf?="', ""),
        part.format("", '; filename="=?utf-8?B?xbzDs8WCdy5wZGY=?="'),
        part.format("", ""),
    ]
    body = "From: h@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    said = _said((body + "".join(f"--b\r\n{each}\r\n" for each in names) + "--b--\r\n").encode())
    assert [each.name for each in said.documents] == [
        "żółw.pdf", "dwie czesci.pdf", "żółw (2).pdf", "żółw (3).pdf", "part-5.pdf"
    ]  # fmt: skip


INVITATION = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:1
SUMMARY:Talk about the fee
DTSTART;TZID=Europe/Warsaw:20261203T100000
DTEND;TZID=Europe/Warsaw:20261203T110000
LOCATION:Branch
ORGANIZER:mailto:ann@bank.example
END:VEVENT
END:VCALENDAR
"""


def test_an_invitation_is_told_in_words_and_kept_as_a_file() -> None:
    mail = EmailMessage()
    mail["From"] = "h@example.org"
    mail.set_content("Please come.")
    mail.add_alternative(INVITATION, subtype="calendar", params={"method": "REQUEST"})
    said = _said(mail.as_bytes())
    (mark,) = said.marks
    assert mark.label == (
        "Invitation: Talk about the fee, 2026-12-03 10:00 Europe/Warsaw to 2026-12-03 11:00 Europe/Warsaw, at Branch, "
        "from ann@bank.example"
    )
    assert said.text == "Please come."
    assert [each.name for each in said.documents] == ["part-2.ics"]


def test_signed_and_encrypted_mails_are_shown_as_such() -> None:
    def labels(kind: str, *parts: str) -> list[tuple[str, int]]:
        body = f"From: h@example.org\r\nContent-Type: {kind}; boundary=b\r\n\r\n"
        said = _said((body + "".join(f"--b\r\n{each}\r\n" for each in parts) + "--b--").encode())
        return [(f"{each.key} {each.label.split('.')[0]}", len(said.documents)) for each in said.marks]

    text = "Content-Type: text/plain\r\n\r\nThe fee."
    pgp = "Content-Type: application/pgp-signature\r\n\r\nx"
    assert labels("multipart/signed; protocol=x", text, pgp) == [("signed Signed with PGP", 0)]
    smime = 'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n\r\nx'
    assert labels("multipart/signed; protocol=x", text, smime) == [("signed Signed with S/MIME", 0)]
    sealed = "Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n-----BEGIN PGP MESSAGE-----"
    version = "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1"
    assert labels("multipart/encrypted", version, sealed) == [("encrypted Encrypted with PGP: not readable here", 2)]
    opaque = _said(
        b"From: h@example.org\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nAAAA"
    )
    assert [each.key for each in opaque.marks] == ["encrypted"]
    assert [each.name for each in opaque.documents] == ["smime.p7m"]


def test_what_outlook_packs_is_unpacked_and_what_cannot_be_stays_as_it_came() -> None:
    broken = base64.b64encode(b"\x78\x9f\x3e\x22rubbish").decode()
    said = _said(
        b"From: h@example.org\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + broken.encode()
    )
    assert [each.name for each in said.documents] == ["winmail.dat"]
    assert "cannot be unpacked" in said.marks[0].label
    whole = _tnef("note.txt", b"The fee.")
    said = _said(
        b"From: h@example.org\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(whole)
    )
    assert [(each.name, each.data) for each in said.documents] == [("note.txt", b"The fee.")]


def _tnef(name: str, data: bytes) -> bytes:
    """A winmail.dat with one file: signature, key, then attributes of level 2 with their check sums."""

    def attribute(kind: int, content: bytes) -> bytes:
        head = b"\x02" + kind.to_bytes(4, "little") + len(content).to_bytes(4, "little")
        return head + content + (sum(content) & 0xFFFF).to_bytes(2, "little")

    rendering = attribute(0x00069002, b"\x01\x00" + b"\x00" * 12)
    return b"\x78\x9f\x3e\x22\x01\x00" + rendering + attribute(0x00018010, name.encode() + b"\x00") + attribute(
        0x0006800F, data
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "declared", "text", "right"),
    [
        ("żółw".encode("iso-8859-2"), "iso-8859-2", "żółw", True),
        ("żółw".encode(), "iso-8859-2x", "żółw", True),
        ("żółw".encode(), "us-ascii", "żółw", False),
        ("“fee”".encode("cp1252"), "iso-8859-1", "“fee”", True),
        ("Opłata żółwia była zła".encode("cp1250"), "utf-8", "Opłata żółwia była zła", False),
        ("тест тест".encode("koi8-r"), "", "тест тест", False),
        ("это письмо".encode("cp1251"), "x-unknown", "это письмо", False),
        ("测试".encode("gb18030"), "gb2312", "测试", True),
        (b"a\x00b", "utf-8", "ab", True),
        (b"fee", "punycode", "fee", True),
        (b"fee", "rot13", "fee", True),
    ],
)
def test_letters_are_read_by_what_is_said_of_them_or_by_what_they_are(
    data: bytes, declared: str, text: str, right: bool
) -> None:
    assert text_of(data, declared) == (text, right)


def test_headers_are_read_in_every_way_they_are_written() -> None:
    assert decoded("=?utf-8?q?=C5=BC=C3=B3=C5=82?= =?utf-8?q?w?= of =?iso-8859-2?B?v/Oz?=") == "żółw of żół"
    assert decoded("=?utf-8?b?not base64!!?=")
    assert decoded("żółw".encode().decode("ascii", "surrogateescape")) == "żółw"
    assert decoded("=?nonsense?q?fee?=") == "fee"


def test_answers_written_between_quoted_lines_are_kept_and_quotes_are_not() -> None:
    said = quotes.split(
        "Hello,\n\nOn Mon, 2 Nov 2026 Firm <c@firm.example> wrote:\n> Did you pay?\n\nYes, twice.\n\n> When?\nIn May.\n"
    )
    assert said.reply.split() == ["Hello,", "Yes,", "twice.", "In", "May."]
    assert "> Did you pay?" in said.quoted


@pytest.mark.parametrize(
    "header",
    [
        "On Mon, Nov 2, 2026 at 6:26 PM Firm <c@firm.example> wrote:",
        "On Mon, Nov 2, 2026 at 6:26 PM Firm\n<c@firm.example> wrote:",
        "W dniu 2.11.2026 o 18:26, Firm pisze:\n", "pon., 2 lis 2026 o 18:26 Firm <c@firm.example> napisał(a):",
        "Am 02.11.2026 um 18:26 schrieb Firm:", "Le 2 nov. 2026 à 18:26, Firm a écrit :",
        "-----Original Message-----", "-----Wiadomość oryginalna-----", "________________________________",
        "-------- Oryginalna wiadomość --------",
    ],
)  # fmt: skip
def test_older_messages_are_kept_apart_in_many_languages(header: str) -> None:
    block = "From: Firm <c@firm.example>\nSent: Monday\nTo: Helena\nSubject: Your fee\n\n"
    below = block if header[0] in "-_" else "> "
    said = quotes.split(f"I do not agree.\n\n{header}\n{below}We keep the fee.")
    assert said.reply == "I do not agree."
    assert "We keep the fee." in said.quoted


def test_a_forwarded_mail_without_words_of_ones_own_is_what_was_said() -> None:
    text = (
        "---------- Forwarded message ---------\nFrom: Firm <c@firm.example>\nDate: x\nSubject: y\nTo: z\n\nNo refund."
    )
    assert "No refund." in quotes.split(text).reply


def test_what_a_person_quotes_by_themselves_in_html_is_theirs() -> None:
    reply, quoted = html.words("<p>You wrote:</p><blockquote>No refund.</blockquote><p>Why not?</p>")
    assert "No refund." in reply
    assert quoted == ""


def test_bytes_that_are_no_mail_wait_for_a_person_with_the_reason() -> None:
    for body in (b"", b"\xff\x00\xfe", b"{" * 2000, b"hello there", b"\r\n\r\n"):
        with pytest.raises(Permanent, match="no e-mail"):
            _said(body)


def _nested(depth: int) -> bytes:
    made = b"From: a@example.org\r\n"
    for level in range(depth):
        made += f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n".encode()
    return made + b"\r\nThe fee.\r\n"


HARMFUL = {
    "nested 5,000 deep": _nested(5_000),
    "nested 60 deep with many lines": _nested(60) + b"x\r\n" * 200_000,
    "100,000 headers": b"From: a@example.org\r\n" + b"X: y\r\n" * 100_000 + b"\r\nx",
    "a header of 5 MB": b"From: a@example.org\r\nSubject: " + b"a" * 5_000_000 + b"\r\n\r\nx",
    "a folded header without end": b"From: a@example.org\r\nSubject: a\r\n" + b" b\r\n" * 200_000 + b"\r\nx",
    "encoded words without end": b"From: a@example.org\r\nSubject: " + b"=?utf-8?q?a" * 50_000 + b"\r\n\r\nx",
    "100,000 recipients": b"From: a@example.org\r\nTo: " + b"a@b.example, " * 100_000 + b"\r\n\r\nx",
    "brackets in addresses": b"From: " + b"(" * 20_000 + b"a@example.org\r\n\r\nx",
    "references without end": b"From: a@b\r\nReferences: " + b"<a@b> " * 200_000 + b"\r\n\r\nx",
    "20,000 parts": b"From: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
    "html 3,000 deep": b"From: a@b\r\nContent-Type: text/html\r\n\r\n" + b"<div>" * 3_000 + b"x",
    "html 100,000 deep": b"From: a@b\r\nContent-Type: text/html\r\n\r\n" + b"<blockquote type=cite>" * 100_000 + b"x",
    "one line of 5 MB": b"From: a@b\r\n\r\n" + b"a " * 2_500_000,
    "lines of dashes": b"From: a@b\r\n\r\n" + b"-" * 2_000 + b"\r\n" + b"-- \r\n" * 50_000,
    "lines that look like headers": b"From: a@b\r\n\r\n" + b"From: a\r\nSent: b\r\n" * 50_000,
    "on on on": b"From: a@b\r\n\r\n" + b"On Mon, 1 Jan 2026 at 1:11 " * 20_000,
    "quotes without end": b"From: a@b\r\n\r\nx\r\n" + b"> " * 10_000 + b"\r\n" + b"> x\r\ny\r\n" * 30_000,
    "begin begin": b"From: a@b\r\n\r\n" + b"begin 644 x\r\nM\r\n" * 20_000,
    "uuencoded without end": b"From: a@b\r\n\r\nbegin 644 x\r\n" + b"M" + b"A" * 60 + (b"\r\nM" + b"A" * 60) * 50_000,
    "boundary boundary": b"From: a@b\r\nContent-Type: multipart/mixed; " + b'boundary="a"; ' * 5_000 + b"\r\n\r\n--a",
    "mails in mails": b"From: a@b\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 2_000 + b"x",
    "a calendar without end": b"From: a@b\r\nContent-Type: text/calendar\r\n\r\n" + b"BEGIN:VEVENT\r\n" * 100_000,
    "entities": b"From: a@b\r\nContent-Type: text/html\r\n\r\n" + b"&amp;&#x0;&#xD800;" * 50_000,
}


@pytest.mark.parametrize("name", HARMFUL)
def test_mails_made_to_harm_are_read_within_bounds(name: str) -> None:
    began = time.process_time()
    said = _said(HARMFUL[name])
    assert time.process_time() - began < 6.0
    assert len(said.text) <= 200_000
    assert len(said.subject) <= 500
    assert len(said.thread.addresses) <= 100


FIELDS = ("From", "To", "Subject", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Date",
          "Received", "References", "Message-ID", "Authentication-Results", "Auto-Submitted",
          "MIME-Version")  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["multipart/mixed; boundary=b", "multipart/alternative; boundary=b", "text/html; charset=utf-7", "base64",
         "text/plain; charset=\"", "multipart/report; report-type=delivery-status; boundary=b", "quoted-printable",
         "message/rfc822", "text/calendar", "application/ms-tnef", "x-uuencode", "attachment; filename*0*=x''%",
         "=?utf-8?q?=?=", "<a@b>", "message/delivery-status", "image/png", "multipart/digest; boundary=b"]
    ),
)  # fmt: skip
BLOCK = st.tuples(st.lists(st.tuples(st.sampled_from(FIELDS), VALUES), max_size=6), st.text(max_size=200))


@settings(max_examples=300, deadline=4000, suppress_health_check=[HealthCheck.too_slow])
@given(BLOCK, st.lists(BLOCK, max_size=5), st.binary(max_size=60))
def test_whatever_comes_is_a_message_or_refused_with_the_reason(first: Any, parts: Any, noise: bytes) -> None:
    def shown(block: Any) -> bytes:
        fields, text = block
        lines = [f"{name}: {value}" for name, value in fields]
        return ("\r\n".join(lines) + "\r\n\r\n" + text).encode("utf-8", "surrogatepass")

    body = shown(first) + b"".join(b"\r\n--b\r\n" + shown(each) for each in parts) + noise
    _only_a_message(body)


@settings(max_examples=200, deadline=4000, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400), st.text(max_size=60))
def test_bytes_of_any_kind_are_a_message_or_refused(body: bytes, content_type: str) -> None:
    _only_a_message(body, content_type)
    _only_a_message(b"From: a@b\r\n" + body, content_type)


def _only_a_message(body: bytes, content_type: str = "message/rfc822") -> None:
    try:
        said = _said(body, content_type)
    except Permanent:
        return
    assert isinstance(said, InboundMessage)
    for text in (said.text, said.quoted, said.html, said.subject, said.sender.name, said.thread.id):
        text.encode()
        assert "\x00" not in text
    assert all(each.data for each in said.documents)


@pytest.mark.parametrize(
    ("name", "text", "automatic"),
    [("talon_gmail", "Hello", ""), ("talon_yahoo", "Hello", ""), ("cpython_signed", "This is the signed contents.", ""),
     ("cpython_bounce", "Yadda yadda yadda\n\nYadda yadda yadda", "bounce")],
)  # fmt: skip
def test_the_samples_beside_this_test_are_understood(name: str, text: str, automatic: str) -> None:
    said = scoring.taken(SAMPLES / f"{name}.eml")
    assert isinstance(said, InboundMessage)
    assert said.text == text
    assert (said.automatic.kind if said.automatic else "") == automatic


def test_a_name_with_a_comma_is_one_name() -> None:
    said = scoring.taken(SAMPLES / "mail_parser_commas.eml")
    assert isinstance(said, InboundMessage)
    assert said.sender.email == "comma.name@example.com"
    assert "," in said.sender.name

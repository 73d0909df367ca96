"""Time-stamps of checkpoints: asked for, proved and kept; what a service that errs or lies gives is refused."""

import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from ombud.kernel.database import db
from ombud.trust import ledger, stamping
from ombud.trust.checkpoints import make_checkpoint, publish
from ombud.trust.ledger import NewEntry
from ombud.trust.ledger_verify import verify
from ombud.trust.stamping import stamp_newest
from ombud.trust.timestamps import StampFailed, path_beside, stamps

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
"""


class Service:
    """A time-stamping service on this machine, by openssl. `mood`: how it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mood, self.asked = folder, "fine", 0
        self.let_go = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                service.asked += 1
                status, answer = service.answer(body)
                self.send_response(status)
                self.send_header("content-type", "application/timestamp-reply")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *said: object) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/tsr"

    def answer(self, body: bytes) -> tuple[int, bytes]:
        match self.mood:
            case "busy":
                return 503, b""
            case "page":
                return 200, b"<html>Welcome</html>"
            case "huge":
                return 200, b"x" * 200_000
            case "slow":
                self.let_go.wait(20)
                return 200, b""
            case "refuses":  # it takes SHA-256 alone
                other = TimestampRequestBuilder().data(b"x").hash_algorithm(HashAlgorithm.SHA512).build()
                return 200, self.sign(other.as_bytes())
            case "other hash":
                return 200, self.sign(_question(b"something else"))
            case "other nonce":
                return 200, self.sign(_question(self.hash))
        return 200, self.sign(body)

    def sign(self, question: bytes) -> bytes:
        (self.folder / "question").write_bytes(question)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "question", "-out", "answer"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "answer").read_bytes()

    hash = b""


def _question(data: bytes) -> bytes:
    builder = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build().as_bytes()


def _authority(folder: Path, name: str = "root") -> None:
    """A root, and under it a key that may stamp."""
    root_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} of the tests")])
    moment = datetime.now(UTC) - timedelta(days=1)

    def begun(subject: x509.Name, public: rsa.RSAPublicKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(root_name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(moment).not_valid_after(moment + timedelta(days=30))

    of_root = begun(root_name, root_key.public_key()).add_extension(x509.BasicConstraints(True, None), True)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stamps of the tests")])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    signs = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    stamping = begun(subject, key.public_key()).add_extension(usage, True).add_extension(signs, True)
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(of_root.sign(root_key, hashes.SHA256()).public_bytes(pem))
    (folder / "tsa.pem").write_bytes(stamping.sign(root_key, hashes.SHA256()).public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tsa.key").write_bytes(private)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    _authority(tmp_path)
    (tmp_path / "serial").write_text("01\n")
    (tmp_path / "tsa.cnf").write_text(CONFIG.format(folder=tmp_path))
    made = Service(tmp_path)
    running = threading.Thread(target=made.server.serve_forever, daemon=True)
    running.start()
    yield made
    made.let_go.set()
    made.server.shutdown()
    made.server.server_close()
    running.join()


async def _checkpoint() -> bytes:
    async with db.transaction():
        await ledger.append(actor="system", entries=[NewEntry(f"case/{uuid4()}", "case.tagged", {"tag": "late"})])
    made = await make_checkpoint()
    assert made is not None
    return made.hash


async def test_the_newest_checkpoint_is_stamped_once_and_the_proof_is_checked_in_place(
    ledger_db: str, service: Service, tmp_path: Path
) -> None:
    published, roots = tmp_path / "checkpoints.jsonl", tmp_path / "root.pem"
    assert await stamp_newest(service.url, roots, published) is None  # there is none yet
    await _checkpoint()
    await _checkpoint()
    await publish(published)
    assert await stamp_newest(service.url, roots, published) == 2
    assert await stamp_newest(service.url, roots, published) is None
    assert service.asked == 1
    (kept,) = stamps(path_beside(published))
    assert (kept["n"], kept["url"]) == (2, service.url)
    report = await verify(publish_file=published, roots=roots)
    assert (report.broken, report.stamped, report.published) == ("", 1, 2)
    unvouched = await verify(publish_file=published)
    assert "names nobody who vouches" in unvouched.broken


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("busy", "answered 503"),
        ("page", "no time-stamp"),
        ("huge", "too large"),
        ("slow", "did not answer within"),
        ("refuses", "refused"),
        ("other hash", "over something else"),
        ("other nonce", "answers another question"),
    ],
)
async def test_a_service_that_errs_or_lies_leaves_nothing_behind(
    ledger_db: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mood: str, said: str
) -> None:
    published = tmp_path / "checkpoints.jsonl"
    service.mood, service.hash = mood, await _checkpoint()
    if mood == "slow":
        monkeypatch.setattr(stamping, "SECONDS", 0.2)
    with pytest.raises(StampFailed, match=said):
        await stamp_newest(service.url, tmp_path / "root.pem", published)
    assert not path_beside(published).exists()
    service.let_go.set()
    service.mood = "fine"
    monkeypatch.undo()
    assert await stamp_newest(service.url, tmp_path / "root.pem", published) == 1


async def test_nobody_there_and_roots_that_vouch_for_nobody_are_told(
    ledger_db: str, service: Service, tmp_path: Path
) -> None:
    published = tmp_path / "checkpoints.jsonl"
    await _checkpoint()
    with pytest.raises(StampFailed, match="cannot be reached"):
        await stamp_newest("http://127.0.0.1:9/", tmp_path / "root.pem", published)
    for content, said in ((None, "cannot be read"), (b"nothing", "holds no certificates")):
        if content is not None:
            (tmp_path / "other.pem").write_bytes(content)
        with pytest.raises(StampFailed, match=said):
            await stamp_newest(service.url, tmp_path / "other.pem", published)
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    _authority(strangers, "stranger")
    with pytest.raises(StampFailed, match="not signed by a service that we trust"):
        await stamp_newest(service.url, strangers / "stranger.pem", published)


async def test_tampering_with_the_stamp_or_the_checkpoint_is_found(
    ledger_db: str, service: Service, tmp_path: Path
) -> None:
    published, roots = tmp_path / "checkpoints.jsonl", tmp_path / "root.pem"
    await _checkpoint()
    await stamp_newest(service.url, roots, published)
    path = path_beside(published)
    good = json.loads(path.read_bytes())
    raw = base64.b64decode(good["response"])
    bent = base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()

    async def verdict(**changed: object) -> str:
        path.write_text(json.dumps({**good, **changed}) + "\n")
        return (await verify(publish_file=published, roots=roots)).broken

    assert await verdict() == ""
    assert "does not hold" in await verdict(response=bent)
    assert "does not hold" in await verdict(response="%%%")
    assert "at another time" in await verdict(at="2026-01-01T00:00:00.000000Z")
    assert "is another in the database" in await verdict(hash="00" * 32)
    assert "not in the database" in await verdict(n=7)
    path.write_text("rubbish\n")
    assert "restore the file" in (await verify(publish_file=published, roots=roots)).broken

"""POST /api/v1/complaints: the door for machines, and what it refuses."""

import json

from ombud import work
from ombud.desk import intake
from ombud_plugin_api.facts import RawReceipt

BODY = {
    "channel": "api",
    "person": {"name": "Ana Lima", "email": "ana@example.org"},
    "summary": "Card trouble",
    "received_at": "2026-11-02T09:30:00+02:00",
    "matters": [{"text": "The card was blocked.", "category": "cards"}, {"text": "Nobody answered the phone."}],
}


async def test_a_complaint_becomes_a_case_with_its_matters_and_the_same_key_answers_the_same(desk, problem_of):
    api = await desk.api("agent")
    first = await api.post("/api/v1/complaints", json=BODY, headers={"Idempotency-Key": "key-1"})
    assert first.status_code == 201, first.text
    assert set(first.json()) == {"reference", "track_url"}
    again = await api.post("/api/v1/complaints", json=BODY, headers={"Idempotency-Key": "key-1"})
    assert (again.status_code, again.json()) == (201, first.json())
    case = (await api.get(f"/api/v1/cases/{first.json()['reference']}")).json()
    assert [(each["letter"], each["text"], each["category"]) for each in case["aspects"]] == [
        ("A", "The card was blocked.", "cards"),
        ("B", "Nobody answered the phone.", ""),
    ]
    assert (case["received_at"], case["customer"], case["version"]) == ("2026-11-02T07:30:00Z", "Ana Lima", 1)
    assert (await api.get("/api/v1/cases")).json()["total"] == 1
    other = await api.post(
        "/api/v1/complaints", json={**BODY, "summary": "Other"}, headers={"Idempotency-Key": "key-1"}
    )
    problem_of(other, 409, "key-reused")
    fresh = await (await desk.api("leader")).post("/api/v1/complaints", json=BODY, headers={"Idempotency-Key": "key-1"})
    assert fresh.json()["reference"] != first.json()["reference"]  # a key belongs to who used it


async def test_what_cannot_be_taken_is_refused_by_name_and_nothing_is_kept(desk, problem_of):
    api = await desk.api("agent")

    async def refused(body, status=422, field=None, **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Idempotency-Key": "k", "Content-Type": "application/json", **headers}
        answer = await api.post("/api/v1/complaints", content=content, headers=sent)
        problem = problem_of(answer, status)
        if field is not None:
            assert problem["errors"][0]["field"] == field
        return problem

    def with_matter(text):
        return {**BODY, "matters": [{"text": text}]}

    await refused(with_matter("a\0b"), field="matters.0.text")
    await refused(json.dumps(with_matter("x")).replace('"x"', '"\\ud800"').encode())
    await refused(with_matter("x" * 10_000_000), field="matters.0.text")
    await refused(json.dumps(BODY).encode().replace(b"Ana", b"\xff\xfe"))
    await refused(b"[" * 100_000)
    await refused({**BODY, "fields": {"a": json.loads("[" * 50 + "]" * 50)}})
    await refused({**BODY, "fields": {"a": 10**40}})
    await refused({**BODY, "fields": {"unknown": "1"}}, field="fields.unknown")
    await refused(b"")
    await refused(b"{")
    await refused([])
    await refused({**BODY, "matters": []}, field="matters")
    await refused({**BODY, "matters": [{}]}, field="matters.0.text")
    await refused({**BODY, "person": {"name": 5}}, field="person.name")
    await refused({**BODY, "person": {"name": "A", "email": "nobody"}}, field="person.email")
    await refused({**BODY, "color": "red"}, field="color")
    await refused({**BODY, "channel": "email"}, field="channel")
    await refused({**BODY, "unit": "moon"}, field="unit")
    await refused({**BODY, "case_type": "moon"}, field="case_type")
    await refused({**BODY, "received_at": "2026-11-02T09:30:00"}, field="received_at")
    await refused({**BODY, "received_at": "3026-11-02T09:30:00Z"}, field="received_at")
    await refused({**BODY, "received_at": "0001-01-01T00:00:00+14:00"}, field="received_at")
    await refused(BODY, status=415, **{"Content-Type": "text/plain"})
    for key in ("", "x" * 201, "ä".encode(), "a b"):
        told = await refused(BODY, status=400, **{"Idempotency-Key": key})
        assert "Make a new UUID" in told["detail"]
    await refused(b'"' + b"x" * 26_000_000 + b'"', status=413)
    assert (await api.get("/api/v1/cases")).json()["total"] == 0
    good = await api.post("/api/v1/complaints", json=BODY, headers={"Idempotency-Key": "k"})
    assert good.status_code == 201


async def test_who_may_not_file_is_told_so(desk, problem_of):
    quality = await desk.api("quality")
    problem_of(
        await quality.post("/api/v1/complaints", json=BODY, headers={"Idempotency-Key": "k"}), 403, "not-allowed"
    )
    quality.headers["authorization"] = "Bearer omb_wrong"
    answer = await quality.get("/api/v1/cases")
    problem_of(answer, 401, "not-signed-in")
    assert answer.headers["www-authenticate"] == "Bearer"
    del quality.headers["authorization"]
    problem_of(await quality.get("/api/v1/cases"), 401)
    problem_of(await quality.post("/api/v1/complaints", json=BODY, headers={"Idempotency-Key": "k"}), 401)


async def test_a_receipt_whose_process_died_before_the_case_is_opened_from_its_bytes(desk):
    api = await desk.api("agent")
    actor = (await api.get("/api/v1/me")).json()["actor"]
    body = json.dumps(BODY).encode()
    raw = RawReceipt(channel="api", key="k-died", content_type="application/json", body=body)
    receipt = await intake.receive(raw, principal=actor)
    assert (await api.get("/api/v1/cases")).json()["total"] == 0
    await work.resume({"raw": str(receipt.id)}, None)
    listed = (await api.get("/api/v1/cases")).json()
    assert (listed["total"], len(listed["items"][0]["aspects"])) == (1, 2)
    headers = {"Idempotency-Key": "k-died", "Content-Type": "application/json"}
    again = await api.post("/api/v1/complaints", content=body, headers=headers)
    assert again.json()["reference"] == listed["items"][0]["reference"]

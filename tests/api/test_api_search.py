"""Search over the API: the same words, the same policy, problems instead of empty lists."""

from ombud.kernel.database import db


async def test_a_search_answers_by_kind_with_marked_pieces_and_cursors(desk):
    api = await desk.api("agent")
    filed = [await desk.file(f"Złożyłem reklamację numer {n}.", name=f"Jan Nowak {n}") for n in range(3)]
    answer = await api.get("/api/v1/search", params={"q": "reklamacje"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["behind"], body["complete"]) == (0, True)
    by_kind = {each["kind"]: each for each in body["results"]}
    assert {kind: each["count"] for kind, each in by_kind.items()} == {"case": 3, "message": 3, "person": 0}
    newest = by_kind["case"]["items"][0]
    assert newest["reference"] == filed[2].reference
    assert newest["name"] == "Jan Nowak 2"
    assert {"text": "reklamację", "found": True} in newest["snippet"]
    seen, cursor = [], ""
    while cursor is not None:
        page = await api.get("/api/v1/search", params={"q": "reklamacja", "kind": "case", "size": 2, "cursor": cursor})
        (only,) = page.json()["results"]
        seen += [item["reference"] for item in only["items"]]
        cursor = only["next_cursor"]
    assert seen == [each.reference for each in reversed(filed)]
    person = (await api.get("/api/v1/search", params={"q": "nowaka 1", "kind": "person"})).json()["results"][0]["items"]
    assert [(each["name"], each["email"], each["cases"]) for each in person] == [
        ("Jan Nowak 1", "helena@example.org", 1)
    ]


async def test_the_api_masks_and_filters_as_the_page_does(desk):
    quality, agent = await desk.api("quality"), await desk.api("agent")
    filed = await desk.file("A gargoyle at the counter.", name="Zenobia Quill", email="zen@example.org")
    found = (await quality.get("/api/v1/search", params={"q": "zen@example.org"})).json()["results"]
    assert all(each["items"] == [] for each in found)
    person = (await quality.get("/api/v1/search", params={"q": "quill", "kind": "person"})).json()["results"][0][
        "items"
    ]
    assert person[0]["name"] == "Zenobia Quill"
    assert "email" not in person[0]
    me = (await desk.viewer("agent")).user_id
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1", me)
    found = (await agent.get("/api/v1/search", params={"q": "gargoyle"})).json()["results"]
    assert all(each["items"] == [] for each in found)
    case = (await agent.get("/api/v1/search", params={"q": filed.reference, "kind": "case"})).json()["results"][0]
    assert case["items"][0]["title"] == filed.reference
    closed = await quality.get("/api/v1/search", params={"q": "gargoyle", "status": "closed", "kind": "case"})
    assert closed.json()["results"][0]["items"] == []


async def test_what_cannot_be_searched_is_a_problem_with_the_field(desk, problem_of):
    api = await desk.api("agent")
    for asked in ({"q": ""}, {"q": "!!!"}, {"q": "x" * 5_000}, {"q": "-x"}, {"q": "x", "kind": "cat"},
                  {"q": "x", "cursor": "?"}, {"q": "x", "status": "lost"}, {"q": "x", "order": "newest"}):  # fmt: skip
        problem = problem_of(await api.get("/api/v1/search", params=asked), 422, "invalid")
        assert problem["errors"][0]["field"], asked
    assert (await api.get("/api/v1/search", params={"q": "x", "size": 0})).status_code in {400, 422}
    administrator = await desk.api("administrator")
    assert (await administrator.get("/api/v1/search", params={"q": "x"})).status_code == 403
    anonymous = desk.browser().http
    assert (await anonymous.get("/api/v1/search", params={"q": "x"})).status_code == 401

"""The gate: which hosts, origins and logins come in, and what every reply carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from app.access.cookies import VISITOR
from app.access.hosts import Hosts, allowed_hosts, is_loopback
from app.access.login import COOKIE, Throttle
from app.access.origins import is_foreign
from app.access.policy import Policy, policy_of
from app.engine import Engine
from app.server import _tell_of_password
from app.settings import Settings
from model.errors import UsageError
from retrieval.store.accounts import Accounts
from retrieval.store.records import Video
from tests.app.conftest import web_client

PASSWORD = "a password of the test"
OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


@pytest.fixture
def locked(engine: Engine) -> Iterator[TestClient]:
    """A client of a server that asks for a password, and does not follow where it is led."""
    Accounts(engine.library).set_password(PASSWORD)
    with web_client(engine, Policy(login=True), follow_redirects=False) as client:
        yield client


# -- hosts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "host", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1:7860", True),
        ("127.0.0.1", "localhost:7860", True),
        ("127.0.0.1", "LOCALHOST.", True),
        ("127.0.0.1", "[::1]:7860", True),
        ("127.0.0.1", "evil.example:7860", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "192.168.1.5:7860", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "localhost:x", False),
        ("0.0.0.0", "192.168.1.5:7860", True),
        ("0.0.0.0", "[fe80::1]", True),
        ("0.0.0.0", "evil.example", False),
        ("video.example.org", "video.example.org", True),
    ],
)
def test_a_server_answers_to_its_own_names_only(bound: str, host: str, allowed: bool) -> None:
    assert allowed_hosts(bound, ()).allows(host) is allowed


def test_hosts_that_the_user_names_are_its_own() -> None:
    hosts = allowed_hosts("127.0.0.1", ("Video.example.org", "*.example.net"))
    assert hosts.allows("video.example.org:443") and hosts.allows("a.example.net")
    assert not hosts.allows("example.net") and not hosts.allows("evil.example.com")
    assert allowed_hosts("127.0.0.1", ("*",)).allows("anything.example")


def test_a_rebound_name_gets_nothing(client: TestClient, indexed: Video) -> None:
    for path in ("/", "/healthz", f"/media/{indexed.id}", "/chats"):
        reply = client.get(path, headers={"host": "rebound.example:7860"})
        assert reply.status_code == 403 and "CUEPOINT_ALLOWED_HOSTS" in reply.text


# -- origins ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "headers", "foreign"),
    [
        ("GET", {}, False),  # a program
        ("POST", {"origin": "http://127.0.0.1:7860"}, False),
        ("POST", {"origin": "http://127.0.0.1:8000"}, True),  # another app of this machine
        ("POST", {"origin": "http://localhost:7860"}, True),
        ("POST", {"origin": "null"}, True),
        ("POST", {"origin": "http://[::bad"}, True),
        ("POST", {"origin": "https://evil.example"}, True),
        ("GET", {"origin": "https://evil.example"}, True),
        ("GET", OWN, False),
        ("GET", {"sec-fetch-site": "none"}, False),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, True),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, True),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, False),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, True),
        ("POST", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, True),
    ],
)
def test_requests_of_other_sites_are_told_from_our_own(method: str, headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign(method, Headers({"host": "127.0.0.1:7860"} | headers), Hosts(()), framed=False) is foreign


def test_a_frame_is_opened_where_frames_are_allowed() -> None:
    headers = Headers({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"})
    assert is_foreign("GET", headers, Hosts(()), framed=False) and not is_foreign(
        "GET", headers, Hosts(()), framed=True
    )


def test_behind_a_proxy_the_named_host_is_our_origin() -> None:
    """A proxy ends TLS and may pass another Host on."""
    headers = Headers({"host": "127.0.0.1:7860", "origin": "https://video.example.org"})
    assert is_foreign("POST", headers, Hosts(()), framed=False)
    assert not is_foreign("POST", headers, Hosts(("video.example.org",)), framed=False)
    kept = Headers({"host": "video.example.org", "origin": "https://video.example.org"})
    assert not is_foreign("POST", kept, Hosts(()), framed=False)


def test_another_sites_page_changes_and_reads_nothing(client: TestClient, engine: Engine, indexed: Video) -> None:
    foreign = {"origin": "https://evil.example"}
    comment = {"seconds": 1.0, "text": "hello"}
    assert client.post(f"/media/{indexed.id}/comments", json=comment, headers=foreign).status_code == 403
    assert client.post("/uploads?name=a.mp4", content=b"1", headers=foreign).status_code == 403
    assert client.post("/gradio_api/queue/join", json={"data": []}, headers=foreign).status_code == 403
    assert client.get(f"/media/{indexed.id}/comments", headers=foreign).status_code == 403
    assert client.get(f"/media/{indexed.id}/comments", headers=OWN).json() == {"comments": []}
    assert not list((engine.settings.data_dir / "uploads").glob("*"))


def test_a_video_cannot_be_guessed_from_its_content(engine: Engine, indexed: Video, tmp_path: Path) -> None:
    assert indexed.id not in indexed.content_hash and len(indexed.id) == 16
    again, job = engine.add(tmp_path / "colours.mp4")
    assert again.id == indexed.id and job is None  # the same content is one video all the same


# -- replies ---------------------------------------------------------------------------------------


def test_every_reply_says_what_a_browser_may_do_with_it(client: TestClient, indexed: Video) -> None:
    for path in ("/", "/healthz", f"/media/{indexed.id}", "/nothing"):
        headers = client.get(path).headers
        assert "frame-ancestors 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "SAMEORIGIN"
    assert client.get("/gradio_api/openapi.json").status_code == client.get("/openapi.json").status_code == 404


def test_spaces_may_show_the_page_in_a_frame(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPACE_HOST", "someone-cuepoint.hf.space")
    policy = policy_of(Settings(tmp_path), "0.0.0.0")
    assert policy.hosts.allows("someone-cuepoint.hf.space") and policy.login
    assert "https://huggingface.co" in policy.content_security_policy


# -- logging in ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "auth", "hosts", "asked"),
    [
        ("127.0.0.1", "auto", (), False),
        ("::1", "auto", (), False),
        ("localhost", "auto", (), False),
        ("127.0.0.1", "on", (), True),
        ("127.0.0.1", "auto", ("video.example.org",), True),  # a proxy is before it
        ("0.0.0.0", "auto", (), True),
        ("192.168.1.5", "auto", (), True),
        ("::", "auto", (), True),
        ("0.0.0.0", "off", (), False),
    ],
)
def test_a_password_is_asked_for_where_others_can_reach_us(
    tmp_path: Path, bound: str, auth: str, hosts: tuple[str, ...], asked: bool
) -> None:
    settings = Settings(tmp_path, auth=auth, allowed_hosts=hosts)  # type: ignore[arg-type]
    assert policy_of(settings, bound).login is asked
    assert is_loopback("127.9.9.9") and not is_loopback("0.0.0.0") and not is_loopback("")


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEPOINT_AUTH", "of")
    with pytest.raises(UsageError, match="auto, on or off"):
        Settings.from_environment()


def test_the_password_is_made_once_and_told_once(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    accounts = Accounts(engine.library)
    _tell_of_password(engine, Policy(login=True), "0.0.0.0")
    password = capsys.readouterr().err.split()[6]
    assert accounts.is_right(password) and not accounts.is_right(password + "x")
    _tell_of_password(engine, Policy(login=True), "0.0.0.0")
    assert capsys.readouterr().err == "" and accounts.is_right(password)
    engine.settings = replace(engine.settings, password="given by the environment")
    _tell_of_password(engine, Policy(login=True), "0.0.0.0")
    assert capsys.readouterr().err == "" and accounts.is_right("given by the environment")
    _tell_of_password(engine, Policy(login=False), "0.0.0.0")
    assert "whole library" in capsys.readouterr().err


def test_without_a_login_there_is_nothing_but_the_login_page(locked: TestClient, indexed: Video) -> None:
    for path in (f"/media/{indexed.id}", "/chats", "/config", "/gradio_api/queue/data?session_hash=x", "/assets/x.js"):
        assert locked.get(path).status_code == 401, path
    assert locked.post("/gradio_api/queue/join", json={"data": []}).status_code == 401
    assert locked.post("/uploads?name=a.mp4", content=b"1").status_code == 401
    page = locked.get("/?v=abc", headers={"accept": "text/html"})
    assert page.status_code == 303 and page.headers["location"] == "/login?next=%2F%3Fv%3Dabc"
    assert locked.get("/login").status_code == locked.get("/healthz").status_code == 200
    assert "default-src 'none'" in locked.get("/login").headers["content-security-policy"]


def test_the_right_password_opens_the_page_until_one_logs_out(locked: TestClient, indexed: Video) -> None:
    wrong = locked.post("/login", data={"password": "wrong"})
    assert wrong.status_code == 401 and "not the password" in wrong.text
    right = locked.post("/login", data={"password": PASSWORD, "next": "/?v=abc"})
    assert right.status_code == 303 and right.headers["location"] == "/?v=abc"
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert locked.get(f"/media/{indexed.id}").status_code == 200
    kept = locked.cookies[COOKIE]
    locked.post("/logout")
    locked.cookies.set(COOKIE, kept)
    assert locked.get(f"/media/{indexed.id}").status_code == 401


def test_in_a_frame_on_spaces_the_login_is_kept(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the cookie is one of another site's frame, which browsers send only if it says so, and only over TLS."""
    monkeypatch.setenv("SPACE_HOST", "someone-cuepoint.hf.space")
    Accounts(engine.library).set_password(PASSWORD)
    with web_client(engine, policy_of(engine.settings, "0.0.0.0"), follow_redirects=False) as client:
        form = {"password": PASSWORD}
        framed = client.post("/login", data=form, headers={"host": "someone-cuepoint.hf.space"}).headers["set-cookie"]
        plain = client.post("/login", data=form).headers["set-cookie"]
    assert "SameSite=None; Secure; Partitioned" in framed and "SameSite=Lax" in plain and "Secure" not in plain


def test_another_password_ends_all_logins(locked: TestClient, engine: Engine) -> None:
    locked.post("/login", data={"password": PASSWORD})
    assert locked.get("/chats").status_code == 200
    bearer = {"authorization": f"Bearer {PASSWORD}"}
    Accounts(engine.library).set_password("quite another one")
    assert locked.get("/chats").status_code == 401
    locked.cookies.clear()
    assert locked.get("/chats", headers=bearer).status_code == 401


def test_a_program_sends_the_password_itself(locked: TestClient) -> None:
    assert locked.get("/chats", headers={"authorization": f"Bearer {PASSWORD}"}).json() == {"chats": []}
    assert locked.get("/chats", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert locked.get("/chats", headers={"authorization": f"Basic {PASSWORD}"}).status_code == 401


def test_after_wrong_passwords_there_is_a_pause(locked: TestClient) -> None:
    for _ in range(Throttle.FREE):
        assert locked.post("/login", data={"password": "wrong"}).status_code == 401
    paused = locked.post("/login", data={"password": PASSWORD})
    assert paused.status_code == 429 and "wait 10 seconds" in paused.text
    assert locked.get("/chats", headers={"authorization": f"Bearer {PASSWORD}"}).status_code == 401


def test_the_pause_grows_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("app.access.login.time.monotonic", lambda: now[0])
    throttle, pauses = Throttle(), []
    for _ in range(14):
        throttle.wrong("a")
        pauses.append(throttle.pause_s("a"))
    assert pauses[:7] == [0, 0, 0, 0, 10, 20, 40] and pauses[-1] == Throttle.LONGEST_PAUSE_S
    assert throttle.pause_s("b") == 0
    now[0] = 901.0
    assert throttle.pause_s("a") == 0


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "x"]
)
def test_a_login_leads_nowhere_else(locked: TestClient, wanted: str) -> None:
    assert locked.post("/login", data={"password": PASSWORD, "next": wanted}).headers["location"] == "/"
    assert "evil" not in locked.get("/login", params={"next": wanted}).text


def test_what_is_typed_is_never_html(locked: TestClient) -> None:
    page = locked.get("/login", params={"next": '/"><script>alert(1)</script>'}).text
    assert "<script>" not in page
    assert locked.post("/login", content=b"\xff" * 9000).status_code == 401


def test_a_password_of_a_few_letters_is_refused(engine: Engine) -> None:
    with pytest.raises(UsageError, match="8 to 1000"):
        Accounts(engine.library).set_password("short")


# -- visitors --------------------------------------------------------------------------------------


def test_a_browser_gets_its_number_with_the_page_and_keeps_it(client: TestClient) -> None:
    assert "set-cookie" not in client.get("/healthz").headers  # a program needs none
    first = client.get("/", headers={"accept": "text/html"}).headers["set-cookie"]
    assert first.startswith(f"{VISITOR}=") and "HttpOnly" in first and "SameSite=Lax" in first
    assert "set-cookie" not in client.get("/", headers={"accept": "text/html"}).headers
    client.cookies.clear()
    client.cookies.set(VISITOR, "not one of ours")
    assert client.get("/", headers={"accept": "text/html"}).headers["set-cookie"] != first


def test_a_frame_may_keep_the_number_and_who_logs_in_needs_none(engine: Engine, locked: TestClient) -> None:
    assert VISITOR not in str(locked.get("/login", headers={"accept": "text/html"}).headers)
    with web_client(engine, Policy(frames=("https://huggingface.co",)), base_url="https://127.0.0.1") as framed:
        given = framed.get("/", headers={"accept": "text/html"}).headers["set-cookie"]
    assert "SameSite=None; Secure; Partitioned" in given

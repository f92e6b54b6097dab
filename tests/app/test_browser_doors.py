"""A page of another site in the user's browser, and a name of another site that is made to lead here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.policy import Policy
from app.engine import Engine
from app.server import create_app
from retrieval.store.accounts import Accounts
from retrieval.store.records import Video
from tests.app.conftest import Served, launched, serving

pytestmark = pytest.mark.browser

_ATTACK = """async ([app, id]) => {
  const tried = {};
  const attempt = async (name, go) => {
    try { tried[name] = String(await go()); } catch (problem) { tried[name] = "failed"; }
  };
  const post = (path, body) =>
    fetch(app + path, { method: "POST", body, mode: "no-cors", headers: { "Content-Type": "text/plain" } });
  const picture = (path) => new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve("loaded");
    image.onerror = () => resolve("failed");
    image.src = app + path;
  });
  await attempt("comment", () => post(`media/${id}/comments`, '{"seconds": 1, "text": "foreign"}'));
  await attempt("upload", () => post("uploads?name=foreign.mp4", "foreign"));
  const event = '{"data": [], "fn_index": 0, "session_hash": "x"}';
  await attempt("event", () => post("gradio_api/queue/join", event));
  await attempt("read", async () => (await fetch(app + "chats")).text());
  await attempt("thumbnail", () => picture(`media/${id}/thumbnail/0.jpg`));
  await attempt("icon", () => picture("icon.svg"));
  const frame = document.createElement("iframe");
  frame.src = app;
  document.body.append(frame);
  await new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 3000); });
  return tried;
}"""


@pytest.fixture(scope="module")
def deceived() -> Iterator[Browser]:
    """A browser in which names of other sites lead to this machine."""
    with launched("--host-resolver-rules=MAP evil.test 127.0.0.1, MAP rebound.test 127.0.0.1") as browser:
        yield browser


@pytest.fixture
def evil(deceived: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of another site."""
    (tmp_path / "index.html").write_text("<title>evil</title><h1>Evil</h1>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = deceived.new_page()
    page.goto(f"http://evil.test:{server.server_port}/")
    yield page
    page.close()
    server.shutdown()
    server.server_close()


def test_a_page_of_another_site_gets_and_changes_nothing(evil: Page, served: Served, indexed: Video) -> None:
    tried = evil.evaluate(_ATTACK, [served.url, indexed.id])
    assert tried["read"] == tried["thumbnail"] == tried["icon"] == "failed"
    assert "Cuepoint" not in evil.frames[1].content()  # the browser shows its own words for what it may not frame
    engine = served.engine
    assert engine.library.db.row("SELECT count(*) AS n FROM comments")["n"] == 0  # type: ignore[index]
    assert not list((engine.settings.data_dir / "uploads").glob("*"))


def test_a_link_on_another_site_opens_our_page(evil: Page, served: Served) -> None:
    evil.evaluate("(app) => { const a = document.createElement('a'); a.href = app; a.textContent = 'go';"
                  " document.body.append(a); }", served.url)  # fmt: skip
    evil.get_by_text("go").click()
    evil.locator("#cards .area-title").wait_for()


def test_a_password_is_asked_for_and_opens_the_page(deceived: Browser, engine: Engine, indexed: Video) -> None:
    Accounts(engine.library).set_password("a password of the test")
    with serving(create_app(engine, supervise=False, policy=Policy(login=True))) as url:
        page = deceived.new_page(locale="en-US")
        page.goto(f"{url}?v={indexed.id}")
        page.get_by_label("Password").fill("wrong password")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the password.")
        page.get_by_label("Password").fill("a password of the test")
        page.get_by_role("button", name="Open").click()
        page.locator("#player video").wait_for()
        assert page.url == f"{url}?v={indexed.id}"
        assert page.evaluate("document.querySelector('#player video').readyState >= 0 && !document.cookie")
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Password").wait_for()
        page.goto(url)
        assert "/login" in page.url
        page.close()


def test_a_name_that_was_rebound_to_this_machine_shows_nothing(deceived: Browser, served: Served) -> None:
    page = deceived.new_page()
    reply = page.goto(served.url.replace("127.0.0.1", "rebound.test"))
    assert reply is not None and reply.status == 403
    assert "does not answer to this host name" in page.content()
    page.close()

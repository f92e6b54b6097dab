"""What stays quick while much else goes on."""

from __future__ import annotations

import asyncio
import copy
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
from starlette.concurrency import run_in_threadpool

from app.engine import Engine
from app.page.asking import Asking
from app.page.quick_blocks import QuickBlocks
from app.page.session import Session
from app.page.views import PARTS, Views
from app.server import create_app
from model.hardware import LOW_NICE, count_cores
from retrieval.store.records import Video
from tests.app.conftest import SlowSpeaker, answer_slowly, web_client

THREADS = 40  # of the pool that Starlette and FastAPI share


def request() -> Any:
    return SimpleNamespace(headers={"accept-language": "en"}, session_hash="page")


def chat_of(updates: list[Any]) -> str | None:
    """The last message of the chat, as HTML; None where the update leaves the chat alone."""
    chat = updates[-len(PARTS) :][PARTS.index("chat")]
    return chat[-1]["content"] if isinstance(chat, list) and chat else None


def test_health_is_told_while_every_thread_is_taken_and_the_database_is_written(engine: Engine) -> None:
    app, over = create_app(engine, supervise=False), threading.Event()

    async def ask() -> tuple[int, float]:
        taken = [asyncio.create_task(run_in_threadpool(over.wait, 10)) for _ in range(2 * THREADS)]
        await asyncio.sleep(0.2)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            began = time.monotonic()
            try:
                with engine.library.db.transaction():
                    reply = await asyncio.wait_for(client.get("/healthz"), 5)
                return reply.status_code, time.monotonic() - began
            finally:
                over.set()
                await asyncio.gather(*taken)

    status, seconds = asyncio.run(ask())
    assert status == 200 and seconds < 0.5


def test_a_database_that_is_gone_is_no_good_health(engine: Engine) -> None:
    client, path = web_client(engine), engine.library.db.path
    assert client.get("/healthz").json() == {"status": "ok"}
    path.rename(path.with_suffix(".away"))
    assert client.get("/healthz").status_code == 503


@pytest.mark.skipif(sys.platform == "win32", reason="priorities are of another kind there")
def test_indexing_gives_way() -> None:
    program = (
        "import os, torch; from model.hardware import give_way; give_way();"
        " print(os.getpriority(os.PRIO_PROCESS, 0), torch.get_num_threads())"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert [int(word) for word in said] == [LOW_NICE, max(1, count_cores() - 1)]
    assert os.getpriority(os.PRIO_PROCESS, 0) < LOW_NICE  # only the process itself


def test_the_page_shows_moments_while_another_is_being_answered(
    engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_slowly(engine, monkeypatch)
    speaker = engine.models.decoder
    assert isinstance(speaker, SlowSpeaker)
    speaker.word_s, speaker.says = 0.2, "The picture is green and it stays green for long. " * 3
    asking, question = Asking(engine, Views(engine)), "Is the picture green?"
    others = [asking.ask(question, _looking_at(indexed), request()) for _ in range(4)]
    threads = [threading.Thread(target=lambda other=other: list(other), daemon=True) for other in others]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    began, session = time.monotonic(), _looking_at(indexed)
    answer = asking.ask(question, session, request())
    shown = next(said for update in answer if (said := chat_of(update)) and 'class="evidence"' in said)
    assert "answer waiting" in shown and time.monotonic() - began < 1.0
    asking.stop(session)
    stopped = time.monotonic()
    list(answer)
    assert time.monotonic() - stopped < 0.6 and not engine.desk.is_busy(session.chat_id)
    speaker.word_s = 0.0
    for thread in threads:
        thread.join(10)


def test_an_answer_draws_only_what_it_changes(engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_slowly(engine, monkeypatch)
    asking, session = Asking(engine, Views(engine)), _looking_at(indexed)
    first, *between, _ = asking.ask("Is the picture green?", session, request())
    assert first != between[0] and between
    for update in between:
        changed = {name for name, part in zip(PARTS, update[-len(PARTS) :], strict=True) if part != gr.skip()}
        assert "chat" in changed and changed <= {"chat", "timeline"}


def test_what_is_skipped_costs_nothing_and_all_else_is_as_gradio_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with QuickBlocks() as page:
        boxes = [gr.Textbox(str(number)) for number in range(3)]
        boxes[0].submit(lambda: None, None, boxes)
    (function,) = page.fns.values()
    skip = gr.skip()

    def shown(*predictions: Any) -> list[Any]:
        return asyncio.run(page.postprocess_data(function, list(predictions), None))

    for predictions in ([skip, "new", gr.update(value="x")], [skip, skip, "only one"], ["all", "of", "them"]):
        plain = asyncio.run(gr.Blocks.postprocess_data(page, function, copy.deepcopy(predictions), None))
        assert shown(*predictions) == plain
    monkeypatch.delattr(gr.Textbox, "__init__")  # no component is built
    assert shown(skip, skip, skip) == [skip] * 3


def _looking_at(video: Video) -> Session:
    session = Session()
    session.shown, session.asked = video.id, [video.id]
    return session

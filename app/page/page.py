"""The page: builds the areas, wires their events, and mounts it all on the web app."""

from __future__ import annotations

from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.routing import Mount

from app.access.page_door import PageDoor
from app.access.policy import Policy
from app.engine import Engine
from app.i18n import Language
from app.page.asking import Asking
from app.page.chat_handlers import ChatHandlers
from app.page.chat_panel import ChatPanel, build_chat_panel
from app.page.finding import Finding
from app.page.handlers import Handlers
from app.page.header import header_html
from app.page.labels import LABELS
from app.page.library_panel import LibraryPanel, build_library_panel
from app.page.player import PlayerArea, build_player
from app.page.quick_blocks import QuickBlocks
from app.page.session import Session
from app.page.tabs import TabsArea, build_tabs
from app.page.theme import head, style_sheet, theme
from app.page.views import BUSY_TICK_S, Views
from app.uploads import Uploads

_CONCURRENT = 8  # events of one kind at once, where nothing else is said
_THREADS = 128  # each question that waits for its words holds one; what computes is bounded by the answerer's stages
_ASIDE = 2  # curves and summaries drawn at once: nobody waits for them, and they must not slow down answers
_SHOWN = "() => [window.cuepoint ? window.cuepoint.shown() : '', null]"  # what the browser shows, before every tick


def mount_page(app: FastAPI, engine: Engine, uploads: Uploads, policy: Policy) -> FastAPI:
    """The web app with the page at its root, behind `PageDoor`."""
    page = build_page(engine, uploads, policy)
    page.max_threads = _THREADS  # launch() would take it; the page is mounted instead
    page.queue(default_concurrency_limit=_CONCURRENT, api_open=False)
    page.has_launched = True  # or Gradio takes any path for one of its own (6.31, processing_utils._check_allowed)
    mounted = gr.mount_gradio_app(
        app,
        page,
        path="/",
        i18n=LABELS,
        theme=theme(),
        css=style_sheet(),
        head=head(),
        max_file_size=0,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=False,
        mcp_server=False,
    )
    (mount,) = (route for route in mounted.routes if isinstance(route, Mount) and isinstance(route.app, gr.routes.App))
    mount.app = PageDoor(mount.app)
    return mounted


def build_page(engine: Engine, uploads: Uploads, policy: Policy) -> gr.Blocks:
    views = Views(engine, with_logout=policy.login)
    with QuickBlocks(title="Cuepoint", analytics_enabled=False, fill_width=True) as page:
        session = gr.State(Session())
        address = gr.Textbox(visible=False)
        timer = gr.Timer(BUSY_TICK_S)
        header = gr.HTML(
            header_html(engine, Language("en"), policy.login),
            elem_id="header",
            js_on_load=None,
            apply_default_css=False,
        )
        with gr.Row(elem_id="main"):
            with gr.Column(elem_id="library-column", min_width=0):
                library = build_library_panel()
            with gr.Column(elem_id="center-column", min_width=0):
                with gr.Column(elem_id="player-area", min_width=0):
                    player = build_player()
                with gr.Column(elem_id="tabs-area", min_width=0):
                    tabs = build_tabs()
            with gr.Column(elem_id="chat-column", min_width=0):
                chat = build_chat_panel()
        _wire(page, engine, views, uploads, session, address, timer, header, library, player, tabs, chat)
    return page


def _wire(
    page: gr.Blocks,
    engine: Engine,
    views: Views,
    uploads: Uploads,
    session: gr.State,
    address: gr.Textbox,
    timer: gr.Timer,
    header: gr.HTML,
    library: LibraryPanel,
    player: PlayerArea,
    tabs: TabsArea,
    chat: ChatPanel,
) -> None:
    on = Handlers(engine, views, uploads)
    asking, chats, finding = Asking(engine, views), ChatHandlers(engine, views), Finding(engine, views, uploads)
    parts = [
        header, library.upload, tabs.picture, library.cards, player.player, player.about, player.timeline, player.curve,
        tabs.results, tabs.transcript, tabs.screen_text, tabs.summary, chat.history, chat.scope, chat.starter,
        chat.chatbot, chat.question, timer,
    ]  # fmt: skip  # in the order of views.PARTS
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    swift = quiet | {"concurrency_limit": None}  # small queries, and questions, which wait in the answerer's own stages
    aside = quiet | {"concurrency_limit": _ASIDE, "concurrency_id": "aside"}

    def after(event: Any) -> Any:
        """The curve follows what changes the question or the video: nobody waits for it."""
        return event.then(on.trace, [session], parts, **aside)

    opened = page.load(on.open_page, [address, session], parts, js=_SHOWN, **swift)
    after(opened).then(on.summarize, [session], parts, **aside)
    timer.tick(on.tick, [address, session], parts, js=_SHOWN, **swift)

    every: dict[str, Any] = {"trigger_mode": "multiple"}  # none is left out while another is taken in
    acted = library.cards.act(on.act, [session], parts, **swift, **every)
    after(acted).then(on.summarize, [session], parts, **aside)
    library.upload.arrived(on.upload, [session], [library.notices, *parts], **quiet, **every)

    scope = [tabs.everywhere, tabs.start, tabs.end, *tabs.sources]
    after(tabs.query.submit(finding.find, [session, tabs.query, *scope], parts, **quiet))
    refining = [field.input for field in (tabs.everywhere, *tabs.sources)] + [tabs.start.submit, tabs.end.submit]
    for event in refining:
        after(event(finding.refine, [session, tabs.query, *scope], parts, **quiet))
    after(tabs.picture.arrived(finding.by_picture, [session, *scope], parts, **quiet))
    after(tabs.results.resemble(finding.more_like, [session, *scope], parts, **quiet))
    typing = swift | {"trigger_mode": "always_last"}
    # `change`: the event `input` of a textbox of one line does not reach us (Gradio 6.31)
    tabs.transcript_filter.change(on.filter_transcript, [tabs.transcript_filter, session], parts, **typing)
    tabs.transcript.track(on.filter_track, [session], parts, **swift)
    player.about.hear(on.hear, [session], parts, **swift)
    tabs.text_filter.change(on.filter_text, [tabs.text_filter, session], parts, **typing)

    after(chat.question.submit(asking.ask, [chat.question, session], parts, **swift, **every))
    after(chat.starter.ask(asking.suggested, [session], parts, **swift))
    after(chat.history.edit(asking.edited, [session], parts, **swift))
    after(chat.history.again(asking.again, [session], parts, **swift))
    chat.question.stop(asking.stop, [session], None, **swift)
    chat.history_button.click(None, js="() => { window.cuepoint.toggleHistory(); }")
    chat.history_search.change(chats.search, [chat.history_search, session], parts, **typing)
    after(chat.history.act(chats.act, [session], parts, **swift))
    chat.new_chat.click(on.new_chat, [session], parts, **swift)

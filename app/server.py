"""The web app: FastAPI with the media routes, and the Gradio page mounted at /, behind the gate of `app/access`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse, Response

from app.access.gate import Gate
from app.access.login import Door, login_router
from app.access.policy import Policy, is_exposed, policy_of
from app.chat_routes import chats_router
from app.comment_routes import comments_router
from app.cuts import cuts_router
from app.engine import Engine
from app.health import health_router
from app.media import media_router
from app.refusals import add_refusals
from app.stopping import PromptServer
from app.uploads import Uploads, uploads_router
from app.workers import Supervisor
from model.errors import CuepointError
from retrieval.store.accounts import Accounts

logger = logging.getLogger(__name__)
_ICONS = Path(__file__).resolve().parent.parent / "assets"


def create_app(engine: Engine, supervise: bool = True, policy: Policy | None = None) -> FastAPI:
    """The whole web app. With `supervise`, worker processes run for as long as the app does.

    Without a `policy` it answers to the names of the loopback alone, without a password.
    """
    _quiet_gradio(engine)
    from app.page.page import mount_page

    policy, door = policy or Policy(), Door(Accounts(engine.library))
    uploads = Uploads(engine.library, engine.settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        supervisor = Supervisor(engine.settings) if supervise else None
        if supervisor:
            supervisor.start()
            app.state.end_workers = supervisor.terminate
        threading.Thread(target=_warm, args=(engine,), name="warm", daemon=True).start()
        sweeping = asyncio.create_task(uploads.sweep_for_ever())
        try:
            yield
        finally:
            sweeping.cancel()
            if supervisor:
                supervisor.stop()

    app = FastAPI(title="Cuepoint", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/favicon.ico", include_in_schema=False)
    @app.get("/icon.svg", include_in_schema=False)
    def icon() -> Response:
        return FileResponse(_ICONS / "icon.svg", media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    add_refusals(app)
    app.add_middleware(Gate, policy=policy, door=door)
    app.include_router(login_router(door, framed=bool(policy.frames)))
    app.include_router(uploads_router(uploads))
    app.include_router(health_router(engine.library.db.path))
    app.include_router(chats_router(engine))
    app.include_router(comments_router(engine))
    app.include_router(cuts_router(engine))
    app.include_router(media_router(engine))
    return mount_page(app, engine, uploads, policy)


def serve(engine: Engine, host: str, port: int) -> None:
    """Serve the app until it is interrupted. Raises CuepointError if the port cannot be had."""
    _check_port(host, port)
    policy = policy_of(engine.settings, host)
    _tell_of_password(engine, policy, host)
    app = create_app(engine, policy=policy)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    _tell(f"Cuepoint is at http://{shown}:{port} (stop it with Ctrl+C)")
    logging.getLogger("uvicorn.error").addFilter(_no_cancelled)
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=1)
    with contextlib.suppress(KeyboardInterrupt):
        PromptServer(config, lambda: getattr(app.state, "end_workers", lambda: None)()).run()


def _tell_of_password(engine: Engine, policy: Policy, host: str) -> None:
    """Before others can come in there is a password: the given one, or one that is made and told once."""
    accounts, given = Accounts(engine.library), engine.settings.password
    if not policy.login:
        if is_exposed(engine.settings, host):
            _tell("CUEPOINT_AUTH=off: whoever reaches this address can see, change and delete the whole library.")
    elif given:
        if not accounts.is_right(given):
            accounts.set_password(given)
    elif not accounts.has_password():
        _tell(
            f"The password of this library is  {accounts.make_password()}\n"
            "It is shown this once; `cuepoint user reset` sets another."
        )


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _check_port(host: str, port: int) -> None:
    """Before anything is loaded: a port in use is the commonest mistake of all."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror or error})"
        raise CuepointError(f"Port {port} of {host} {reason}; choose another with --port.") from error


def _no_cancelled(record: logging.LogRecord) -> bool:
    """Open pages hold a connection each: that stopping cancels those is no error, and no traceback is shown for it."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)) and (
        "graceful shutdown exceeded" not in record.getMessage()
    )


def _quiet_gradio(engine: Engine) -> None:
    """Before Gradio is imported: nothing phones home, and its cache, which stays empty, is inside the data folder."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000"  # events between two of its statistics
    os.environ["GRADIO_TEMP_DIR"] = str(engine.settings.data_dir / "gradio")


def _warm(engine: Engine) -> None:
    """Load what the first question needs, while the page is already there."""
    try:
        engine.answerer.warm_up()
    except CuepointError as error:
        logger.warning("%s", error)
    except Exception:
        logger.exception("The models could not be loaded ahead of the first question")

"""Logging in: the page with the password field, the cookie, and a pause after wrong passwords."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Template
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from app.access.cookies import cookie
from app.i18n import Language, language_of
from retrieval.store.accounts import LOGIN_S, Accounts
from retrieval.store.library import LOCAL_OWNER

COOKIE = "cuepoint_login"
LOGIN_PATH, LOGOUT_PATH = "/login", "/logout"
OPEN_PATHS = (LOGIN_PATH, "/healthz", "/icon.svg", "/favicon.ico")  # need no login and tell nothing
_PAGE = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"), autoescape=True)
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'self'"
)
_LONGEST_FORM_BYTES = 8 << 10
_REMEMBERED_S = 300.0  # a bearer's password is hashed once in this time: hashing takes 50 ms


class Throttle:
    """After some wrong passwords of one address: a pause, twice as long each time, so that guessing leads nowhere."""

    FREE = 5
    FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 900.0
    MOST_ADDRESSES = 10_000

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # address -> (how many, not before)
        self._lock = threading.Lock()

    def pause_s(self, address: str) -> float:
        """Seconds that this address must still wait."""
        with self._lock:
            _, until = self._wrong.get(address, (0, 0.0))
        return max(0.0, until - time.monotonic())

    def wrong(self, address: str) -> None:
        with self._lock:
            count = self._wrong.pop(address, (0, 0.0))[0] + 1
            pause = min(self.FIRST_PAUSE_S * 2 ** (count - self.FREE), self.LONGEST_PAUSE_S)
            self._wrong[address] = (count, time.monotonic() + pause if count >= self.FREE else 0.0)
            while len(self._wrong) > self.MOST_ADDRESSES:
                self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        with self._lock:
            self._wrong.pop(address, None)


class Door:
    """Knows who is logged in: by the cookie of the login page, or by the password as a bearer token."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.throttle = Throttle()
        self._bearers: dict[str, float] = {}  # digests of tokens that were right -> until when that is believed

    async def owner_of(self, request: HTTPConnection) -> str | None:
        """The user behind a request, or None."""
        if token := request.cookies.get(COOKIE):
            return self.accounts.user_of(token)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        right = await run_in_threadpool(self._is_right, token.strip(), address_of(request))
        return LOCAL_OWNER if right else None

    def _is_right(self, token: str, address: str) -> bool:
        """Whether a bearer's token is the password, remembered for a while; wrong ones must wait like on the page."""
        now = time.monotonic()
        digest = hashlib.sha256(f"{self.accounts.hash_of()} {token}".encode("utf-8", "replace")).hexdigest()
        if self._bearers.get(digest, 0.0) > now:
            return True
        right = self.try_password(token, address)
        self._bearers = {known: until for known, until in self._bearers.items() if until > now}
        if right:
            self._bearers[digest] = now + _REMEMBERED_S
        return right

    def try_password(self, password: str, address: str) -> bool:
        """Whether it is the password; False also while the address must wait."""
        if self.throttle.pause_s(address):
            return False
        right = self.accounts.is_right(password)
        (self.throttle.right if right else self.throttle.wrong)(address)
        return right


def login_router(door: Door, framed: bool) -> APIRouter:
    """`framed`: others' pages may show ours in a frame."""
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN_PATH)
    def page(request: Request, next: str = "/") -> Response:
        return _page(request, next)

    @router.post(LOGIN_PATH)
    async def enter(request: Request) -> Response:
        language, address = language_of(request), address_of(request)
        form = await _form(request)
        password, wanted = form.get("password", ""), form.get("next", "/")
        if pause := door.throttle.pause_s(address):
            return _page(request, wanted, language("login_wait", seconds=round(pause + 0.5)), 429)
        if not await run_in_threadpool(door.try_password, password, address):
            return _page(request, wanted, language("login_wrong"), 401)
        reply = RedirectResponse(_inside(wanted), 303)
        token = await run_in_threadpool(door.accounts.log_in)
        reply.headers.append("Set-Cookie", cookie(COOKIE, token, LOGIN_S, request, framed))
        return reply

    @router.post(LOGOUT_PATH)
    def leave(request: Request) -> Response:
        if token := request.cookies.get(COOKIE):
            door.accounts.log_out(token)
        reply = RedirectResponse(LOGIN_PATH, 303)
        reply.delete_cookie(COOKIE)
        return reply

    return router


def address_of(request: HTTPConnection) -> str:
    """The address a request came from; behind a proxy on this machine, the one that the proxy names."""
    return request.client.host if request.client else ""


def _page(request: Request, wanted: str, problem: str = "", status: int = 200) -> Response:
    language: Language = language_of(request)
    html = _PAGE.render(words=language, wanted=_inside(wanted), problem=problem, code=language.code)
    return HTMLResponse(html, status, {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-store"})


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form that a browser sent; empty if it is no form, or too long for one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM_BYTES:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _inside(wanted: str) -> str:
    """An address on this server, whatever was asked for: a login must lead nowhere else."""
    parts = urlsplit(wanted.replace("\\", "/"))
    inside = not parts.scheme and not parts.netloc and parts.path.startswith("/") and not parts.path.startswith("//")
    return wanted if inside and wanted.isprintable() and "\\" not in wanted else "/"

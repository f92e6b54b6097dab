"""Where an OpenAI-compatible server is, how it is reached, and what its refusals mean in a sentence.

Knows nothing of messages or answers. The key goes into the request's header and nowhere else: no text, log line or
exception made here holds it, nor a password that stood in the URL.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from model.errors import ServerError, UsageError

if TYPE_CHECKING:
    import openai

URL_VARIABLE = "CUEPOINT_SERVER_URL"
KEY_VARIABLE = "CUEPOINT_SERVER_KEY"
MODEL_VARIABLE = "CUEPOINT_SERVER_MODEL"

CONNECT_S = 5.0  # a server that is up accepts a connection at once, wherever on earth it is
SILENCE_S = 60.0  # before the first token (queue and prefill of a busy server) and between any two
_NO_KEY = "none"  # the client insists on one; servers without keys do not look
_SAID_CHARS = 200  # of a server's own words, quoted in an error
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Failure:
    """Why a request did not work. No exception, so that it drags along none that holds the request's headers."""

    sentence: str
    status: int = 0  # of the response; 0: there was none
    said: str = ""  # by the server
    passing: bool = False  # it may work when asked again
    wait_s: float | None = None  # how long the server asks to wait first

    def error(self) -> ServerError:
        return ServerError(self.sentence)


@dataclass(frozen=True)
class Endpoint:
    url: str  # without credentials
    key: str = field(default="", repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)  # name and password that stood in the URL

    @classmethod
    def from_environment(cls, url: str) -> Endpoint:
        """`url`, or what CUEPOINT_SERVER_URL has instead, with the key of CUEPOINT_SERVER_KEY. Asks nobody.

        Raises UsageError for what cannot be a URL or a key; it quotes neither.
        """
        parts = _split(os.environ.get(URL_VARIABLE) or url)
        key = os.environ.get(KEY_VARIABLE, "").strip()
        if not re.fullmatch(r"[!-~]*", key):
            raise UsageError(f"{KEY_VARIABLE} has a blank or a letter in it that no key has: copy the key again.")
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        place = f"{host}:{parts.port}" if parts.port else host
        path = parts.path.rstrip("/") or "/v1"  # where every such server has it, and what is forgotten most
        login = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
        return cls(f"{parts.scheme}://{place}{path}", key, login)

    @property
    def host(self) -> str:
        """With its port: what errors call the server."""
        return urlsplit(self.url).netloc

    def client(self) -> openai.AsyncOpenAI:
        """For one exchange, in one event loop. Connects when first used; repeats nothing by itself."""
        import openai

        http = openai.DefaultAsyncHttpxClient(
            auth=self.login,
            # The machine's proxy settings are for the world outside, yet seldom except the machine itself.
            trust_env=urlsplit(self.url).hostname not in _LOOPBACK,
            # A connection that was kept may be closed by the server at the moment it is used: an answer takes seconds,
            # a new connection a millisecond.
            limits=type(openai.DEFAULT_CONNECTION_LIMITS)(max_keepalive_connections=0),
        )
        client = openai.AsyncOpenAI(
            base_url=self.url,
            api_key=self.key or _NO_KEY,
            timeout=openai.Timeout(SILENCE_S, connect=CONNECT_S),
            max_retries=0,
            http_client=http,
        )
        client.organization = client.project = None  # OPENAI_ORG_ID and the like are for that company's own server
        return client

    def failure(self, error: Exception, model: str) -> Failure:
        """What an exception of the client means. `model` is the one that was asked for."""
        import openai

        server = f"The model server at {self.host}"
        if isinstance(error, openai.APIStatusError):
            return self._refusal(error, model)
        if isinstance(error, TimeoutError | openai.APITimeoutError):
            if type(error.__cause__).__name__ == "ConnectTimeout":
                return Failure(f"{server} cannot be reached: start it, or set {URL_VARIABLE}.", passing=True)
            return Failure(f"{server} has been silent for {SILENCE_S:.0f} s: ask again when it is less busy.")
        if isinstance(error, openai.APIConnectionError):
            if type(error.__cause__).__name__ in ("ReadError", "RemoteProtocolError"):
                return Failure(f"{server} broke off: ask again, and look at its log if that recurs.", passing=True)
            return Failure(f"{server} does not answer: start it, or set {URL_VARIABLE} to where it is.", passing=True)
        if isinstance(error, openai.APIError):  # an error as part of the stream
            return Failure(f"{server} gave up{self._because(self._said(error))}: ask again.", passing=True)
        # The text of an exception that is not known here could hold the request's headers.
        return Failure(f"{server} said what no OpenAI-compatible server says ({type(error).__name__}): check the URL.")

    def _refusal(self, error: openai.APIStatusError, model: str) -> Failure:
        server, status, said = f"The model server at {self.host}", error.status_code, self._said(error)
        if status in (401, 403):
            does = "refuses the key" if self.key or self.login else "asks for a key"
            return Failure(f"{server} {does}: set {KEY_VARIABLE} to one that it takes.", status, said)
        if status == 404:
            sentence = f"{server} does not know the model {model!r}: set {MODEL_VARIABLE} to one that it has."
            return Failure(sentence, status, said)
        if status == 429:
            wait = _seconds(error.response.headers.get("retry-after"))
            sentence = f"{server} takes no more requests just now{self._because(said)}: ask again in a minute."
            return Failure(sentence, status, said, True, wait)
        if status >= 500:
            wait = _seconds(error.response.headers.get("retry-after"))
            sentence = f"{server} failed ({status}){self._because(said)}: ask again, or look at its log."
            return Failure(sentence, status, said, True, wait)
        sentence = (
            f"{server} refuses the request ({status}){self._because(said)}: check {MODEL_VARIABLE} and its limits."
        )
        return Failure(sentence, status, said)

    def _said(self, error: openai.APIError) -> str:
        """The server's own words in one line, without the key should it have repeated it."""
        body = error.body
        if isinstance(body, dict):
            body = body.get("message") or body.get("detail") or body.get("error") or body
        said = " ".join(str(body or "").split())
        for secret in (self.key, *(self.login or ())):
            said = said.replace(secret, "…") if secret else said
        return said

    @staticmethod
    def _because(said: str) -> str:
        said = said[:_SAID_CHARS].rstrip(" .:")
        return f", saying “{said}”" if said and "<html" not in said.lower() else ""


def _split(url: str) -> SplitResult:
    if not url.strip():
        raise UsageError(
            f"The profile names no model server: set {URL_VARIABLE}, for instance http://127.0.0.1:8000/v1."
        )
    try:
        parts = urlsplit(url.strip())
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise UsageError("The model server's URL is none: give one such as http://127.0.0.1:8000/v1.")
    if parts.query or parts.fragment:
        raise UsageError(f"The model server's URL must end with its path: give a key by {KEY_VARIABLE}.")
    return parts


def _seconds(text: str | None) -> float | None:
    """Of a Retry-After header; its other form, a date, is not worth the trouble."""
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None

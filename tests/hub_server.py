"""A small hub on this machine: what of the Hugging Face hub's interface fetching a model takes, and its failures."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

COMMIT = "c0ffee" * 6 + "c0de"
_LARGE = (".safetensors", ".bin", ".gguf")


@dataclass
class Hub:
    repositories: dict[str, dict[str, bytes]]  # "OWNER/NAME" -> file -> content
    gated: set[str] = field(default_factory=set)
    cuts: list[int] = field(default_factory=list)  # a file of weights breaks off after so many bytes, once each
    down: bool = False
    down_after_cut: bool = False
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # (method, file or path, Range)
    tokens: set[str] = field(default_factory=set)  # what came as Authorization
    url: str = ""

    def weights_asked(self) -> list[tuple[str, str]]:
        return [(name, part) for how, name, part in self.requests if how == "GET" and name.endswith(_LARGE)]


@contextmanager
def serve_hub(repositories: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    hub = Hub(repositories)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (_Answering,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield hub
    server.shutdown()
    server.server_close()
    thread.join(5)


class _Answering(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        path = self.path.partition("?")[0]
        parts = path.strip("/").removeprefix("api/models/").split("/")
        files = self.hub.repositories.get("/".join(parts[:2]))
        if self.hub.down:
            self.say(503, b"busy")
        elif files is None:
            self.say(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif path.startswith("/api/models/"):
            self.hub.requests.append((self.command, path, ""))
            self.describe("/".join(parts[:2]), files, parts[2:])
        elif "/".join(parts[:2]) in self.hub.gated:
            self.say(403, b"", {"X-Error-Code": "GatedRepo"})
        else:
            self.send_file("/".join(parts[4:]), files)

    def describe(self, name: str, files: dict[str, bytes], what: list[str]) -> None:
        if what[1:] not in (["main"], [COMMIT]):
            self.say(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif what[0] == "tree":
            tree = [{"type": "file", "path": file, "oid": _oid(file, data), "size": len(data)} | _lfs(file, data, "oid")
                    for file, data in files.items()]  # fmt: skip
            self.say(200, json.dumps(tree).encode(), {"Content-Type": "application/json"})
        else:
            siblings = [{"rfilename": file, "size": len(data), "blobId": _oid(file, data)} | _lfs(file, data, "sha256")
                        for file, data in files.items()]  # fmt: skip
            content = {"id": name, "sha": COMMIT, "siblings": siblings}
            self.say(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def send_file(self, file: str, files: dict[str, bytes]) -> None:
        if file not in files:
            return self.say(404, b"", {"X-Error-Code": "EntryNotFound"})
        data, wanted = files[file], self.headers.get("Range", "")
        self.hub.requests.append((self.command, file, wanted))
        headers = {"ETag": f'"{_oid(file, data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if self.command == "GET" and file.endswith(_LARGE) and self.hub.cuts:
            self.say(206 if start else 200, data[start:], headers, stop_after=self.hub.cuts.pop(0))
            self.close_connection, self.hub.down = True, self.hub.down_after_cut
            return None
        return self.say(206 if start else 200, data[start:], headers)

    def say(self, code: int, body: bytes, headers: dict[str, str] | None = None, stop_after: int | None = None) -> None:
        self.send_response(code)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:stop_after])


def _oid(file: str, data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if file.endswith(_LARGE) else hashlib.sha1(data).hexdigest()


def _lfs(file: str, data: bytes, key: str) -> dict[str, Any]:
    if not file.endswith(_LARGE):
        return {}
    return cast(dict[str, Any], {"lfs": {key: _oid(file, data), "size": len(data), "pointerSize": 130}})

"""A stub of the part of Grafana's HTTP API that `dashboards push` uses; it is not Grafana.

It keeps what it is told, and refuses a request whose body does not follow Grafana's published schema, whose token is
wrong, or whose path it does not know.
"""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import jsonschema

SCHEMAS = json.loads((Path(__file__).parents[1] / "fixtures" / "grafana_api.json").read_text())["requests"]

Answer = tuple[int, object]


class Refused(Exception):
    """The status and message that Grafana would answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Asked(NamedTuple):
    """A request: the uid in its path (empty where there is none), its query, its body."""

    uid: str
    query: dict[str, list[str]]
    body: dict[str, Any]


class GrafanaStub:
    """What it holds, and what it was asked: `requests` are method and path, in order."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.url = ""
        self.sources: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.folders: dict[str, str] = {}
        self.boards: dict[str, list[dict[str, Any]]] = {}
        """By uid, every version as it was saved, the newest last."""
        self.annotations: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.forbidden: set[str] = set()
        """Paths' beginnings that the token may not use."""
        self.answers: dict[str, tuple[int, bytes]] = {}
        """Bare answers by path, in place of its own."""
        self.versions_in_an_object = False

    @property
    def writes(self) -> list[str]:
        return [each for each in self.requests if not each.startswith("GET ")]

    def state(self) -> str:
        """All that it holds, to be compared."""
        held = (self.sources, self.secrets, self.folders, self.boards, self.annotations)
        return json.dumps(held, sort_keys=True)

    def answer(self, method: str, target: str, token: str, body: Any) -> Answer:
        where = urlsplit(target)
        self.requests.append(f"{method} {where.path}")
        if where.path == "/api/health":
            return 200, {"database": "ok", "version": "11.2.0", "commit": "0"}
        if token != f"Bearer {self.token}":
            raise Refused(401, "Invalid API key")
        if any(where.path.startswith(path) for path in self.forbidden):
            raise Refused(403, "Permissions needed")
        if body is not None:
            _must_follow_the_schema(method, where.path, body)
        for shape, handle in (
            (r"GET /api/datasources/uid/([\w-]+)", self._source),
            (r"PUT /api/datasources/uid/([\w-]+)", self._change_source),
            (r"POST /api/datasources", self._make_source),
            (r"GET /api/folders", self._folders),
            (r"POST /api/folders", self._make_folder),
            (r"GET /api/dashboards/uid/([\w-]+)/versions", self._versions),
            (r"POST /api/dashboards/db", self._save),
            (r"GET /api/annotations", self._find_annotations),
            (r"POST /api/annotations", self._annotate),
        ):
            if match := re.fullmatch(shape, f"{method} {where.path}"):
                return 200, handle(Asked("".join(match.groups()), parse_qs(where.query), body))
        raise Refused(404, "Not found")

    def _source(self, asked: Asked) -> object:
        if asked.uid not in self.sources:
            raise Refused(404, "Data source not found")
        return self.sources[asked.uid]

    def _change_source(self, asked: Asked) -> object:
        if self.sources[asked.uid].get("readOnly"):
            raise Refused(403, "Cannot update read-only data source")
        return self._keep_source(asked.uid, asked.body)

    def _make_source(self, asked: Asked) -> object:
        if any(each["name"] == asked.body["name"] for each in self.sources.values()):
            raise Refused(409, "data source with the same name already exists")
        return self._keep_source(asked.body["uid"], asked.body)

    def _keep_source(self, uid: str, body: dict[str, Any]) -> object:
        self.secrets.setdefault(uid, {}).update(body.pop("secureJsonData", {}))
        self.sources[uid] = {"id": 1, "orgId": 1, "readOnly": False, **body}
        return {"datasource": self.sources[uid], "message": "Datasource added"}

    def _folders(self, _: Asked) -> object:
        return [{"uid": uid, "title": title} for uid, title in self.folders.items()]

    def _make_folder(self, asked: Asked) -> object:
        body = asked.body
        if body["title"] in self.folders.values():
            raise Refused(409, "a folder with the same name already exists in the current location")
        self.folders[body["uid"]] = body["title"]
        return body

    def _versions(self, asked: Asked) -> object:
        if asked.uid not in self.boards:
            raise Refused(404, "Dashboard not found")
        found = [
            {"version": place + 1, "message": each["message"]} for place, each in enumerate(self.boards[asked.uid])
        ]
        return {"continueToken": "", "versions": found[::-1]} if self.versions_in_an_object else found[::-1]

    def _save(self, asked: Asked) -> object:
        body, board = asked.body, asked.body["dashboard"]
        if body.get("folderUid") not in self.folders:
            raise Refused(400, "folder not found")
        if board["title"].lower() == self.folders[body["folderUid"]].lower():
            raise Refused(400, "Dashboard name cannot be the same as folder")
        if board["uid"] in self.boards and not body.get("overwrite"):
            raise Refused(412, "The dashboard has been changed by someone else")
        self.boards.setdefault(board["uid"], []).append(body)
        return {"status": "success", "uid": board["uid"], "version": len(self.boards[board["uid"]])}

    def _find_annotations(self, asked: Asked) -> object:
        (uid,), tags = asked.query["dashboardUID"], set(asked.query.get("tags", []))
        return [each for each in self.annotations if each["dashboardUID"] == uid and tags <= set(each["tags"])]

    def _annotate(self, asked: Asked) -> object:
        if asked.body["dashboardUID"] not in self.boards:
            raise Refused(404, "Dashboard not found")
        self.annotations.append(asked.body)
        return {"id": len(self.annotations), "message": "Annotation added"}


def _must_follow_the_schema(method: str, path: str, body: object) -> None:
    name = re.sub(r"/uid/[\w-]+$", "/uid/{uid}", f"{method} {path}")
    if name not in SCHEMAS:
        raise Refused(404, "Not found")
    try:
        jsonschema.validate(body, SCHEMAS[name])
    except jsonschema.ValidationError as error:
        raise Refused(400, f"bad request data: {error.message}") from None


@contextlib.contextmanager
def start_grafana_stub(token: str, path: str = "") -> Iterator[GrafanaStub]:
    """A stub that listens on a loopback port, below a path where one is given."""
    stub = GrafanaStub(token)

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            target = self.path.removeprefix(path)
            if urlsplit(target).path in stub.answers:
                self._send(*stub.answers[urlsplit(target).path])
                return
            try:
                status, answer = stub.answer(self.command, target, self.headers.get("Authorization", ""), body)
            except Refused as refused:
                status, answer = refused.status, {"message": refused.message}
            self._send(status, json.dumps(answer).encode())

        def _send(self, status: int, answer: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        stub.url = f"http://127.0.0.1:{server.server_port}{path}"
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()

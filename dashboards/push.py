"""Put data source, folder and boards into a Grafana that runs, over its HTTP API. The only file that knows grafana-api.

Everything is found by its uid and told apart from what is there, so that a second push changes nothing. What the
library cannot do by uid goes through its bare requests. Alert rules, contact points and the notification policy tree
are never touched: Grafana replaces that tree as a whole, and with it whoever is on call.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace

from contracts.errors import VoltstreamError
from dashboards.boards.influxql import DATASOURCE_TYPE, DATASOURCE_UID

DATASOURCE_NAME = "Voltstream InfluxDB"
TAG = "voltstream"


class GrafanaError(VoltstreamError):
    """Grafana cannot be reached, is none, or refused; the sentence says which, and what to do."""

    code = "grafana"


@dataclass(frozen=True, slots=True)
class DataSource:
    """The InfluxDB as Grafana's server reaches it. `token`: of 2.x, or user:password of 1.8; "" keeps what is there."""

    url: str
    database: str
    token: str

    def body(self) -> dict[str, object]:
        """As Grafana's API wants it: InfluxQL, with the token in a header, which 1.8 takes as well as 2.x."""
        plain: dict[str, object] = {
            "uid": DATASOURCE_UID,
            "name": DATASOURCE_NAME,
            "type": DATASOURCE_TYPE,
            "access": "proxy",
            "url": self.url,
            "jsonData": {
                "version": "InfluxQL",
                "dbName": self.database,
                "httpMode": "POST",
                "httpHeaderName1": "Authorization",
            },
        }
        secret = {"secureJsonData": {"httpHeaderValue1": f"Token {self.token}"}} if self.token else {}
        return {**plain, **secret}


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the boards go. One of this title with another uid, as file provisioning makes it, is taken as well."""

    uid: str
    title: str


class Grafana:
    """A Grafana at `url`, with a service account's token."""

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._url = url
        prefix = f"{parts.path.strip('/')}/".lstrip("/")
        self._face = GrafanaFace(
            token, host=parts.netloc, protocol=parts.scheme, url_path_prefix=prefix, timeout=timeout_s
        )

    def push(self, source: DataSource, folder: Folder, boards: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Do it all; one line for each thing. Raises GrafanaError; what was done until then stays."""
        yield f"Grafana {self._version()} at {self._url}"
        yield f"data source {DATASOURCE_NAME}: {self._put_source(source)}"
        uid, done = self._put_folder(folder)
        yield f"folder {folder.title}: {done}"
        for board in boards:
            yield f"board {board['title']}: {self._put_board(board, uid)}"

    def _version(self) -> str:
        health = self._ask("GET", "/health", "see whether it is up")
        if not isinstance(health, dict) or "database" not in health:
            raise GrafanaError(f"what answers at {self._url} is not Grafana (DASHBOARDS_GRAFANA_URL)")
        return str(health.get("version", "of an unknown version"))  # hidden by some set-ups

    def _put_source(self, source: DataSource) -> str:
        doing = "manage data sources (a service account of role Admin may)"
        path, body = f"/datasources/uid/{DATASOURCE_UID}", source.body()
        there = self._ask("GET", path, doing)
        if there is None:
            self._ask("POST", "/datasources", doing, body)
            return "made"
        if there.get("readOnly"):
            return "provisioned from a file, left as it is"
        if not source.token and all(there.get(key) == value for key, value in body.items()):
            return "unchanged"
        self._ask("PUT", path, doing, body)  # secrets that are not in it are kept; one that is cannot be compared
        return "updated"

    def _put_folder(self, folder: Folder) -> tuple[str, str]:
        """The folder's uid, and what was done."""
        doing = "manage folders (a service account of role Editor may)"
        found = self._ask("GET", "/folders?limit=1000", doing) or []
        for wanted in (("uid", folder.uid), ("title", folder.title)):
            for each in found:
                if each[wanted[0]] == wanted[1]:
                    return str(each["uid"]), "there"
        self._ask("POST", "/folders", doing, {"uid": folder.uid, "title": folder.title})
        return folder.uid, "made"

    def _put_board(self, board: Mapping[str, Any], folder_uid: str) -> str:
        doing = "save dashboards in that folder (a service account of role Editor may)"
        uid, message = board["uid"], f"voltstream {_fingerprint(board)}"
        versions = self._ask("GET", f"/dashboards/uid/{uid}/versions?limit=1", doing)
        newest = _newest_message(versions)
        if newest != message:
            body = {"dashboard": {**board, "id": None}, "folderUid": folder_uid, "message": message, "overwrite": True}
            self._ask("POST", "/dashboards/db", doing, body)
        self._annotate(uid, board["title"], message)
        if newest == message:
            return "unchanged"
        return "made" if versions is None else "updated"

    def _annotate(self, uid: str, title: str, message: str) -> None:
        """Mark on the board when this version of it came, once."""
        doing = "annotate dashboards (a service account of role Editor may)"
        tags = [TAG, message]
        wanted = "&".join(f"tags={quote(tag)}" for tag in tags)
        if not self._ask("GET", f"/annotations?type=annotation&dashboardUID={uid}&{wanted}&limit=1", doing):
            body = {"dashboardUID": uid, "tags": tags, "text": f"Board {title} pushed"}
            self._ask("POST", "/annotations", doing, body)

    def _ask(self, method: str, path: str, doing: str, body: Mapping[str, object] | None = None) -> Any:
        """What Grafana answers; None for a GET of what is not there. Raises GrafanaError."""
        try:
            return getattr(self._face.api, method)(path, json=body)
        except GrafanaException as refused:
            if method == "GET" and refused.status_code == 404:
                return None
            raise GrafanaError(self._why(refused, doing)) from None
        except (ValueError, TypeError):  # before OSError: requests' own JSON error is both
            raise GrafanaError(f"what answers at {self._url} is not Grafana (DASHBOARDS_GRAFANA_URL)") from None
        except OSError as error:
            raise GrafanaError(
                f"Grafana at {self._url} cannot be reached (DASHBOARDS_GRAFANA_URL): {_reason(error)}"
            ) from None

    def _why(self, refused: GrafanaException, doing: str) -> str:
        status = refused.status_code
        if status == 401:
            return f"Grafana at {self._url} does not know the token (DASHBOARDS_GRAFANA_TOKEN)"
        if status == 403:
            return f"the token (DASHBOARDS_GRAFANA_TOKEN) may not {doing}"
        said = refused.response.get("message") if isinstance(refused.response, dict) else None
        return f"Grafana answered {status} when asked to {doing.split(' (')[0]}: {said or 'without a word'}"


def _fingerprint(board: Mapping[str, Any]) -> str:
    """What tells one version of a board from another: 12 hex digits."""
    return hashlib.sha256(json.dumps(board, sort_keys=True).encode()).hexdigest()[:12]


def _newest_message(versions: Any) -> str | None:
    """What was said when the board was saved last: Grafana gives a list of versions, newer ones an object around it."""
    found = versions.get("versions", []) if isinstance(versions, dict) else versions or []
    return str(found[0].get("message", "")) if found else None


def _reason(error: OSError) -> str:
    """The innermost cause, which says it best: `Connection refused`, not the library's wrapping of it."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return getattr(cause, "strerror", None) or type(cause).__name__

"""Toxiproxy: a TCP proxy that delays, cuts and drops what passes through it.

with start_toxiproxy() as toxiproxy:
    proxy = toxiproxy.proxy(influx.address)
    proxy.cut()
    proxy.restore()
    proxy.toxic("latency", latency=500, jitter=100)
"""

import contextlib
import json
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from parts.places import part
from parts.processes import Process, accepts_connections, free_port, spawn


class Proxy:
    """One way through: what connects to `address` reaches `upstream`, unless it is cut."""

    def __init__(self, api: str, name: str, address: str, upstream: str) -> None:
        self._api = api
        self._name = name
        self.address = address
        self.upstream = upstream

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def cut(self) -> None:
        """Closes every connection and refuses new ones, until `restore`."""
        _call(self._api, "POST", f"/proxies/{self._name}", {"enabled": False})

    def restore(self) -> None:
        """Takes connections again, and forgets every toxic."""
        for toxic in _list(self._api, f"/proxies/{self._name}/toxics"):
            _call(self._api, "DELETE", f"/proxies/{self._name}/toxics/{toxic}")
        _call(self._api, "POST", f"/proxies/{self._name}", {"enabled": True})

    def toxic(self, kind: str, *, upward: bool = False, share: float = 1.0, **attributes: int) -> None:
        """Spoils the way down (from `upstream`), or the way up, on this share of the connections.

        latency (latency, jitter: ms), bandwidth (rate: KB/s), timeout (timeout: ms; 0 swallows all and closes nothing),
        reset_peer (timeout), limit_data (bytes), slicer (average_size, size_variation: bytes, delay: us).
        """
        stream = "upstream" if upward else "downstream"
        body = {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "toxicity": share, "attributes": attributes}
        _call(self._api, "POST", f"/proxies/{self._name}/toxics", body)

    def blackhole(self) -> None:
        """Nothing passes either way and nothing is closed: a half-open connection."""
        self.toxic("timeout", timeout=0)
        self.toxic("timeout", upward=True, timeout=0)


class Toxiproxy:
    """A running server."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.api = f"http://127.0.0.1:{port}"
        self._proxies = 0

    def proxy(self, upstream: str, *, port: int | None = None) -> Proxy:
        """A new way to `upstream` (host:port), on `port` or a free one."""
        self._proxies += 1
        name, address = f"proxy-{self._proxies}", f"127.0.0.1:{port or free_port()}"
        _call(self.api, "POST", "/proxies", {"name": name, "listen": address, "upstream": upstream, "enabled": True})
        return Proxy(self.api, name, address, upstream)


@contextlib.contextmanager
def start_toxiproxy() -> Iterator[Toxiproxy]:
    """A server without proxies; killed at the end. Raises PartMissing or PartFailed."""
    program = part("toxiproxy") / "bin" / "toxiproxy-server"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="voltstream-toxiproxy-") as folder:
        command = [str(program), "-host", "127.0.0.1", "-port", str(port)]
        process = spawn(command, log=Path(folder) / "toxiproxy.log", env={"LOG_LEVEL": "error"})
        try:
            process.wait_until(lambda: accepts_connections(port), timeout=30)
            yield Toxiproxy(process, port)
        finally:
            process.kill()


def _call(api: str, method: str, path: str, body: object = None) -> bytes:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{api}{path}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: bytes = response.read()
        return answer


def _list(api: str, path: str) -> list[str]:
    return [entry["name"] for entry in json.loads(_call(api, "GET", path))]

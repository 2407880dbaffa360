"""Where the demo's processes listen."""

import socket

import pytest

from voltstream.demo import children
from voltstream.demo.children import NoPortError, free_addresses


def test_addresses_are_free_and_no_outgoing_connection_takes_them() -> None:
    addresses = free_addresses(6)
    ports = {int(address.removeprefix("127.0.0.1:")) for address in addresses}
    assert len(ports) == 6
    assert max(ports) < 32_768  # where Linux begins; others begin later
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_one_that_is_taken_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        monkeypatch.setattr(children, "_PORTS", range(port, port + 1))
        with pytest.raises(NoPortError, match=f"fewer than 1 ports between {port} and {port} are free"):
            free_addresses(1)

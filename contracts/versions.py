"""The OCPP versions we speak, by their WebSocket subprotocol (OCPP-J 1.6, 3.1; OCPP 2.x part 4, 3.1.2)."""

from enum import StrEnum


class Version(StrEnum):
    """Value: the subprotocol's name, which is also `proto` in the envelope."""

    V16 = "ocpp1.6"
    V201 = "ocpp2.0.1"
    V21 = "ocpp2.1"

    @property
    def is_2x(self) -> bool:
        return self is not Version.V16


SUBPROTOCOLS: tuple[str, ...] = tuple(version.value for version in Version)


def negotiate(offered: list[str]) -> Version | None:
    """The first offered subprotocol, in the client's order, that we speak; None where there is none in common."""
    for name in offered:
        if name in SUBPROTOCOLS:
            return Version(name)
    return None

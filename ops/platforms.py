"""Variables that container platforms put into a process's environment, named after the services beside it. Pure.

Kubernetes does so for every service of the namespace ("service links"), old Docker for every linked container. A
service called `edge` or `edge-1` gives every pod variables that begin like the edge's settings:

    EDGE_SERVICE_HOST=10.0.0.7    EDGE_PORT=tcp://10.0.0.7:9000         EDGE_PORT_9000_TCP_ADDR=10.0.0.7
    EDGE_1_SERVICE_PORT_OCPP=9000 EDGE_NAME=/sink/edge (Docker links)   EDGE_ENV_PATH=/usr/bin (Docker links)
"""

import re

_VARIABLES = [
    (re.compile(name), re.compile(value, re.DOTALL))
    for name, value in (
        (r"(.+_)?SERVICE_HOST", r".*"),
        (r"(.+_)?SERVICE_PORT(_.+)?", r".*"),
        (r"(.+_)?PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?", r".*"),
        (r"(.+_)?ENV_.+", r".*"),
        # What a user might try who looks for a setting: the value decides.
        (r"(.+_)?PORT", r"(tcp|udp|sctp)://\S+"),
        (r"(.+_)?NAME", r"/[^/]+/[^/]+"),
    )
]
"""Name behind the prefix, and value."""


def injected(name: str, value: str, prefix: str) -> bool:
    """Whether a platform gave this variable, for a service whose name begins as `prefix` (`EDGE_`) does."""
    if not name.upper().startswith(prefix):
        return False
    rest = name.upper()[len(prefix) :]
    return any(names.fullmatch(rest) and values.fullmatch(value) for names, values in _VARIABLES)

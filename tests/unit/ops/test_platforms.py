"""What Kubernetes and old Docker put into an environment, and what merely looks like it."""

import pytest

from ops.platforms import injected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Kubernetes, service `edge` with the port `ocpp`
        ("EDGE_SERVICE_HOST", "10.0.0.7"),
        ("EDGE_SERVICE_PORT", "9000"),
        ("EDGE_SERVICE_PORT_OCPP", "9000"),
        ("EDGE_PORT", "tcp://10.0.0.7:9000"),
        ("EDGE_PORT", "udp://[fd00::7]:9000"),
        ("EDGE_PORT_9000_TCP", "tcp://10.0.0.7:9000"),
        ("EDGE_PORT_9000_TCP_PROTO", "tcp"),
        ("EDGE_PORT_9000_TCP_PORT", "9000"),
        ("EDGE_PORT_9000_TCP_ADDR", "10.0.0.7"),
        ("EDGE_PORT_9000_UDP_ADDR", "10.0.0.7"),
        # services `edge-1` and `edge-health`
        ("EDGE_1_SERVICE_HOST", "10.0.0.8"),
        ("EDGE_1_PORT", "tcp://10.0.0.8:9000"),
        ("EDGE_HEALTH_PORT_9101_TCP_PORT", "9101"),
        # Docker links, alias `edge` or `edge_1`
        ("EDGE_NAME", "/sink/edge"),
        ("EDGE_1_NAME", "/sink/edge_1"),
        ("EDGE_ENV_PYTHON_VERSION", "3.12"),
        ("EDGE_1_ENV_PATH", "/usr/bin"),
    ],
)
def test_a_platforms_variable_is_known(name: str, value: str) -> None:
    assert injected(name, value, "EDGE_")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EDGE_PORT", "9000"),
        ("EDGE_LISTEN_PORT", "9000"),
        ("EDGE_NAME", "edge-1"),
        ("EDGE_NODE_NAME", "edge-1"),
        ("EDGE_ENV", "production"),
        ("EDGE_PORTS", "tcp://10.0.0.7:9000"),
        ("EDGE_PORT_OCPP_TCP", "tcp://10.0.0.7:9000"),
        ("EDGE_SERVICE_HOSTS", "10.0.0.7"),
        ("EDGE_LISTENN", "0.0.0.0:9000"),
        ("SINK_SERVICE_HOST", "10.0.0.7"),
    ],
)
def test_what_a_user_may_have_meant_is_not(name: str, value: str) -> None:
    assert not injected(name, value, "EDGE_")

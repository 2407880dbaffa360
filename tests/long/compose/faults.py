"""One variable of docker-compose.yml wrong at a time, and where that is seen.

A fault is noticed when the log of `watched` says so in these words (`says`, a regular expression). Where there are no
words for it, `watched` has to become unhealthy, and `BROWSERS` get no answer of a live page that is healthy. The faults
of Kafka and InfluxDB begin with empty volumes, as these read their variables once; the others are tried in a stack that
runs.
"""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.long.compose.engine import CommandFailed, Engine
from tests.long.compose.stack import NotInTime, Stack

WITHIN_S = 240.0
BROWSERS = "browsers"


@dataclass(frozen=True)
class Fault:
    service: str
    variable: str
    wrong: str
    watched: str
    says: str = ""


ANEW = (
    Fault("kafka", "KAFKA_NODE_ID", "2", "kafka", "controller.quorum.voters"),
    Fault("kafka", "KAFKA_PROCESS_ROLES", "brokers", "kafka", "process.roles"),
    Fault("kafka", "KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost", "kafka", "controller.quorum.voters"),
    Fault("kafka", "KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROL", "kafka", "controller.listener.names"),
    Fault("kafka", "KAFKA_LISTENERS", "PLAINTEXT://:9092", "kafka", "controller.listener.names"),
    Fault("kafka", "KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafak:9092", "edge-1"),
    Fault("kafka", "KAFKA_INTER_BROKER_LISTENER_NAME", "PLAIN", "kafka", "inter.broker.listener.name"),
    Fault("kafka", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "PLAINTEXT:PLAINTEXT", "kafka", "security.protocol"),
    Fault("kafka", "KAFKA_LOG_DIRS", "/data", "kafka", "/data"),
    Fault("kafka", "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "3", "streams-1"),
    Fault("kafka", "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "3", "streams-1"),
    Fault("kafka", "KAFKA_HEAP_OPTS", "-Xmx512mb", "kafka", "Invalid maximum heap size"),
    Fault("influxdb", "DOCKER_INFLUXDB_INIT_MODE", "set-up", "influxdb", "invalid DOCKER_INFLUXDB_INIT_MODE"),
    Fault("influxdb", "DOCKER_INFLUXDB_INIT_USERNAME", "", "influxdb", "missing parameter.*USERNAME"),
    Fault("influxdb", "DOCKER_INFLUXDB_INIT_PASSWORD", "short", "influxdb", "error: 4[0-9]+"),
    Fault("influxdb", "DOCKER_INFLUXDB_INIT_ORG", "voltsteam", "sink-init", "SINK_INFLUX_ORG"),
    Fault("influxdb", "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN", "another", "sink-init", "SINK_INIT_ADMIN_TOKEN"),
    Fault("influxdb", "DOCKER_INFLUXDB_INIT_BUCKET", "", "influxdb", "missing parameter.*BUCKET"),
    Fault("sink-init", "SINK_INFLUX_URL", "http://influx:8086", "sink-init", "influx:8086"),
    Fault("sink-init", "SINK_INFLUX_API", "v3", "sink-init", "SINK_INFLUX_API"),
    Fault("sink-init", "SINK_INFLUX_ORG", "voltsteam", "sink-init", "SINK_INFLUX_ORG"),
    Fault("sink-init", "SINK_INIT_ADMIN_TOKEN", "another", "sink-init", "SINK_INIT_ADMIN_TOKEN"),
    Fault("sink-init", "SINK_INIT_RETENTION_DAYS", "-1", "sink-init", "SINK_INIT_RETENTION_DAYS"),
    Fault("sink-init", "SINK_INIT_WRITE_TOKEN_TO", "/tokens/write", "sink-init", "SINK_INIT_WRITE_TOKEN_TO"),
    Fault("sink-init", "SINK_INIT_READ_TOKEN_TO", "/tokens/read", "sink-init", "SINK_INIT_READ_TOKEN_TO"),
    Fault("sink-init", "SINK_INIT_TOKEN_MODE", "0666", "sink-init", "SINK_INIT_TOKEN_MODE"),
)
RUNNING = (
    Fault("kafka", "CLUSTER_ID", "dm9sdHN0cmVhbS1vdGhlcg", "kafka", "(?i)cluster.?id"),  # not that of its volume
    Fault("edge-1", "KAFKA_BOOTSTRAP", "kafak:9092", "edge-1", "kafak:9092"),
    Fault("edge-1", "EDGE_HTTP", "127.0.0.1:9101", "balancer", "edge-1 is DOWN"),
    Fault("edge-1", "EDGE_NODE", "edge 1", "edge-1", "EDGE_NODE"),
    Fault("streams-1", "KAFKA_BOOTSTRAP", "kafka:9093", "streams-1"),
    Fault("streams-1", "STREAMS_HTTP", "9102", "streams-1", "STREAMS_HTTP"),
    Fault("sink-1", "KAFKA_BOOTSTRAP", "kafka:9093", "sink-1"),
    Fault("sink-1", "SINK_STORE", "influx", "sink-1", "SINK_STORE"),
    Fault("sink-1", "SINK_INFLUX_URL", "http://influx:8086", "sink-1", "influx:8086"),
    Fault("sink-1", "SINK_INFLUX_API", "v3", "sink-1", "SINK_INFLUX_API"),
    Fault("sink-1", "SINK_INFLUX_ORG", "voltsteam", "sink-1", "SINK_INFLUX_ORG"),
    Fault("sink-1", "SINK_INFLUX_BUCKET", "voltsteam", "sink-1", "SINK_INFLUX_BUCKET"),
    Fault("sink-1", "SINK_INFLUX_TOKEN_FILE", "/run/voltstream-tokens/writes", "sink-1", "SINK_INFLUX_TOKEN_FILE"),
    Fault("sink-1", "SINK_HTTP", "9103", "sink-1", "SINK_HTTP"),
    Fault("live", "LIVE_LISTEN", "127.0.0.1:8080", BROWSERS),
    Fault("live", "LIVE_HTTP", "9104", "live", "LIVE_HTTP"),
    Fault("live", "KAFKA_BOOTSTRAP", "kafak:9092", "live", "kafak:9092"),
    Fault("simulate", "SIM_TARGET", "http://balancer:9000/ocpp", "simulate", "SIM_TARGET"),
    Fault("simulate", "SIM_STATIONS", "fifty", "simulate", "SIM_STATIONS"),
)


def unnoticed(engine: Engine, folder: Path, running: Stack) -> Iterator[str]:
    """Try every fault, print what came of it, and give those that nobody noticed. `running` is left as it was."""
    for number, fault in enumerate(ANEW):
        changes = {fault.service: {fault.variable: fault.wrong}}
        stack = Stack(engine, folder, f"voltstream-fault-{number}", changes)
        try:
            yield from _try(stack, fault, fault.watched)
        finally:
            stack.down()
    running.up("simulate")  # a sink that has nothing to write does not know that it could not
    for fault in RUNNING:
        running.change({fault.service: {fault.variable: fault.wrong}})
        yield from _try(running, fault, "--no-deps", "--force-recreate", fault.service)
        running.change({})
        running.up("--no-deps", fault.service)
    running.compose("rm", "--force", "--stop", "simulate")
    running.wait_good(WITHIN_S)


def _try(stack: Stack, fault: Fault, *up: str) -> Iterator[str]:
    began_s, since = time.monotonic(), time.time()
    name = f"{fault.service} {fault.variable}={fault.wrong!r}"
    try:
        with contextlib.suppress(CommandFailed):  # what would not start says why, and is asked below
            stack.up(*up)
        stack.wait(lambda: _noticed(stack, fault, since), WITHIN_S)
    except NotInTime:
        print(f"NOT NOTICED  {name}", flush=True)
        yield f"{name} was not noticed:\n{stack.logs(fault.watched, since)[-2000:]}"
        return
    states = {f"{state.status} {state.health}".strip() for state in stack.states(fault.watched)}
    how = f"{fault.watched} ({', '.join(sorted(states))})" if states else fault.watched
    print(f"noticed in {time.monotonic() - began_s:3.0f} s  {name:<72} by {how}", flush=True)


def _noticed(stack: Stack, fault: Fault, since: float) -> bool:
    if fault.watched == BROWSERS:
        return all(state.good for state in stack.states(fault.service)) and not _served(stack.live_port)
    if not fault.says:
        return any(state.health == "unhealthy" for state in stack.states(fault.watched))
    return re.search(fault.says, stack.logs(fault.watched, since)) is not None


def _served(port: int) -> bool:
    """Whether a request to this port gets any answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return bool(connection.recv(1))
    except OSError:
        return False

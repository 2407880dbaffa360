"""The topics as an AsyncAPI 3.0 document, generated from the same tables as the code."""

from typing import Any

from contracts.schemas import RECORDS
from contracts.topics import DEFAULT_PREFIX, TOPICS, Name

_ABOUT: dict[Name, str] = {
    Name.MESSAGES: "Every frame, both directions, verbatim; connects, disconnects, rejects; ticks of the edge nodes.",
    Name.SAMPLES: "The readings of one message, evse, time and context, in SI units.",
    Name.STATUS: "The latest state of each connector, and of each station (evse 0, connector 0).",
    Name.SESSIONS: "One charging session, whole, with a revision.",
    Name.ENERGY: "The energy of one evse in 15 minutes, with a revision.",
    Name.ALARMS: "One episode of an alarm, whole: raised, updated, cleared or expired.",
    Name.DLQ: "What could not be handled, bytes verbatim, with the reason.",
}


def generate() -> dict[str, Any]:
    """The document. Names carry the default prefix."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for schema, (_, record) in RECORDS.items():
        messages[record.__name__] = {
            "name": record.__name__,
            "contentType": "application/json",
            "payload": {"$ref": f"./schemas/{schema}.json"},
        }
    for name, about in _ABOUT.items():
        topic = TOPICS[name]
        records = [record.__name__ for on, record in RECORDS.values() if on is name]
        channels[name.value] = {
            "address": DEFAULT_PREFIX + name,
            "description": about,
            "messages": {record: {"$ref": f"#/components/messages/{record}"} for record in records},
            "bindings": {
                "kafka": {
                    "topicConfiguration": {
                        "cleanup.policy": topic.cleanup.split(","),
                        **({} if topic.retention_days is None else {"retention.ms": topic.retention_days * 86_400_000}),
                        "max.message.bytes": topic.max_message_bytes,
                    },
                    "bindingVersion": "0.5.0",
                }
            },
            "x-key": topic.key,
        }
        operations[f"read-{name.value}"] = {"action": "receive", "channel": {"$ref": f"#/channels/{name.value}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Voltstream",
            "version": "1",
            "description": "Read with isolation level read_committed; of one key the greatest (log, revision) stands.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }

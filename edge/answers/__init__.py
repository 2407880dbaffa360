"""From a version and an action to its answer."""

from functools import cache

import msgspec

from contracts.versions import Version
from edge.answers import v2, v16
from edge.answers.asked import Answer
from edge.validation import Checker

# A charger that gets a CALLERROR for one of these blocks its queue, and then loses the session.
TRANSACTION_MESSAGES = frozenset({"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"})

_TABLES: dict[Version, dict[str, Answer]] = {
    Version.V16: v16.ANSWERS,
    Version.V201: v2.ANSWERS_201,
    Version.V21: v2.ANSWERS_21,
}


class Served(msgspec.Struct, frozen=True):
    """An action that stations send and we answer."""

    action: str
    answer: Answer
    checker: Checker
    is_transaction: bool


@cache
def served(version: Version) -> dict[str, Served]:
    """All actions of a version that are answered. The first call compiles their schemas: some milliseconds."""
    return {
        action: Served(action, answer, Checker(version, action), action in TRANSACTION_MESSAGES)
        for action, answer in _TABLES[version].items()
    }


@cache
def served_in_any_case(version: Version) -> dict[str, Served]:
    """The same by the action's name in lower case."""
    return {action.lower(): entry for action, entry in served(version).items()}


@cache
def sent(version: Version) -> dict[str, Checker]:
    """The actions that come as a SEND, which wants no answer (2.1)."""
    return {action: Checker(version, action) for action in v2.SENT_21} if version is Version.V21 else {}

"""What stations do wrong, or do under bad luck: the names, how often, and on which versions. Data.

To add one: an entry here, its expectation in truth.py, and the behaviour in station.py, v16.py or v2.py.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

Scope = Literal["trait", "session", "station"]
Versions = Literal["1.6", "2.x", "all"]


class Misbehaviour(msgspec.Struct, frozen=True):
    """One misbehaviour.

    `weight`: of a trait, the share of stations that have it for good; of a session's, its cards in the deck that
    sessions draw from; of a station's, how often it happens per station and hour.
    """

    name: str
    scope: Scope
    versions: Versions
    weight: float
    about: str
    real_time_only: bool = False

    def fits(self, version: str) -> bool:
        """Whether stations of an OCPP version (`ocpp1.6`, ...) can do it."""
        return self.versions == "all" or (self.versions == "1.6") == (version == "ocpp1.6")


CLOCK_SKEW = "clock-skew"
METER_RESET = "meter-reset"
KWH_REGISTERS = "kwh-registers"
NUMBER_VALUES = "number-values"
PADDED_VALUES = "padded-values"
DUPLICATE_START_SAME_ID = "duplicate-start-same-id"
DUPLICATE_START_NEW_ID = "duplicate-start-new-id"
DUPLICATE_STOP = "duplicate-stop"
LOST_START_ANSWER = "lost-start-answer"
MISSING_START = "missing-start"
RETRY = "retry-after-timeout"
SEQ_GAP = "seq-gap"
ENDED_WITHOUT_EVSE = "ended-without-evse"
ENERGY_MISSING = "energy-missing"
BATCHED_READINGS = "batched-readings"
OFFLINE_REPLAY = "offline-replay"
POWER_LOSS_END = "power-loss-end"
POWER_LOSS_RESUME = "power-loss-resume"
ABRUPT_CLOSE = "abrupt-close"
BOOT_LOOP = "boot-loop"
OVERSIZED_FRAME = "oversized-frame"
LONG_OUTAGE = "long-outage"
HALF_OPEN = "half-open"

MISBEHAVIOURS: dict[str, Misbehaviour] = {
    one.name: one
    for one in (
        Misbehaviour(CLOCK_SKEW, "trait", "all", 0.2, "The station's clock is some seconds ahead or behind."),
        Misbehaviour(METER_RESET, "trait", "all", 0.15, "The register begins at 0 with each session."),
        Misbehaviour(KWH_REGISTERS, "trait", "all", 0.25, "Readings of the register are in kWh, not in Wh."),
        Misbehaviour(NUMBER_VALUES, "trait", "1.6", 0.15, "Readings are JSON numbers, where 1.6 wants texts."),
        Misbehaviour(PADDED_VALUES, "trait", "1.6", 0.15, "Readings are padded texts with needless decimals."),
        Misbehaviour(DUPLICATE_START_SAME_ID, "session", "1.6", 1, "StartTransaction again, with the same message id."),
        Misbehaviour(DUPLICATE_START_NEW_ID, "session", "1.6", 1, "StartTransaction again, with a new message id."),
        Misbehaviour(DUPLICATE_STOP, "session", "1.6", 1, "StopTransaction with all readings, sent more than once."),
        Misbehaviour(LOST_START_ANSWER, "session", "1.6", 1, "The start's answer never came: transactionId is -1."),
        Misbehaviour(MISSING_START, "session", "all", 1, "The start was given up; readings and the stop follow."),
        Misbehaviour(RETRY, "session", "all", 1, "Transaction messages are sent again as if no answer had come."),
        Misbehaviour(SEQ_GAP, "session", "2.x", 1, "Some Updated events are dropped: seqNo has gaps."),
        Misbehaviour(ENDED_WITHOUT_EVSE, "session", "2.x", 1, "Ended names no evse, though the other events do."),
        Misbehaviour(ENERGY_MISSING, "session", "all", 1, "Some batches of readings lack the energy register."),
        Misbehaviour(BATCHED_READINGS, "session", "all", 1, "Several times' readings in one frame, in any order."),
        Misbehaviour(OFFLINE_REPLAY, "session", "all", 2, "Minutes without a network; all is sent later, in order."),
        Misbehaviour(POWER_LOSS_END, "session", "all", 1, "The power fails; the session ends when it is back."),
        Misbehaviour(POWER_LOSS_RESUME, "session", "all", 1, "The power fails; the session goes on when it is back."),
        Misbehaviour(ABRUPT_CLOSE, "session", "all", 1, "The socket closes without a close frame; soon reconnected."),
        Misbehaviour(BOOT_LOOP, "station", "all", 0.04, "The station boots a dozen times within minutes."),
        Misbehaviour(OVERSIZED_FRAME, "station", "all", 0.03, "A frame of 600 KB, more than an edge takes."),
        Misbehaviour(LONG_OUTAGE, "station", "all", 0.05, "An idle station is not connected for minutes."),
        Misbehaviour(
            HALF_OPEN, "station", "all", 0.3, "The old socket stays open, dead; a new one works.", real_time_only=True
        ),
    )
}


def chosen(words: Iterable[str], *, real_time: bool) -> frozenset[str]:
    """The names that a list of words selects: `all`, `none` or names. ValueError for a name that does not exist."""
    names: set[str] = set()
    for word in words:
        if word == "all":
            names |= MISBEHAVIOURS.keys()
        elif word in MISBEHAVIOURS:
            names.add(word)
        elif word != "none":
            raise ValueError(f"no misbehaviour is named {word!r}: see voltstream simulate --help")
    return frozenset(name for name in names if real_time or not MISBEHAVIOURS[name].real_time_only)

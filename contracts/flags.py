"""The closed list of flags that a record may carry, each with its condition in one sentence.

In an envelope a flag is a `Finding` with a JSON pointer; in a derived record `flags` is a sorted list of distinct
codes.
The quirks (`quirk:NAME`) stand in quirks.py.
"""

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """A flag or an error of one frame: a code, and where in the payload (RFC 6901 JSON pointer, `` for the whole)."""

    code: str
    pointer: str = ""


ZERO_BEGIN = "zero-begin"
MISSING_START = "missing-start"
MISSING_STOP = "missing-stop"
RESET = "reset"
ROLLOVER = "rollover"
PHASE_SUM = "phase-sum"
INTERPOLATED = "interpolated"
LATE = "late"
CONFLICT = "conflict"
CLOCK_SUSPECT = "clock-suspect"
SIGNED_INCOMPLETE = "signed-incomplete"
BACKWARD = "backward"
ZOMBIE = "zombie"
OFFLINE = "offline"
OUTLIER = "outlier"
NOT_ACCEPTED = "not-accepted"

FLAGS: dict[str, str] = {
    ZERO_BEGIN: "The session's begin register is 0 while the meter's other registers show a lifetime counter.",
    MISSING_START: "No start of the session was seen: it was joined in the middle, or its start was discarded.",
    MISSING_STOP: "The session ended without a stop of its own: by the next start on its connector or as a zombie.",
    RESET: "The register fell and went on from near zero: the meter was reset in between.",
    ROLLOVER: "The register fell from close to a power of ten and went on from near zero: its digits ran out.",
    PHASE_SUM: "The total was computed from the phases, because none was reported.",
    INTERPOLATED: "A part of the energy was placed by a straight line between two readings.",
    LATE: "A reading or fact arrived after its bucket was given up, and did not change the total.",
    CONFLICT: "One reading's identity came with two values; the greater stands.",
    CLOCK_SUSPECT: "A time was missing or not plausible and the edge's taken, or an end lies before its start.",
    SIGNED_INCOMPLETE: "Signed meter data was seen for one end of the session only.",
    BACKWARD: "The end register is below the begin register, and it was no reset.",
    ZOMBIE: "The session was closed because nothing was heard of it for the zombie time.",
    OFFLINE: "A part of the session was recorded while the station was not connected, and sent later.",
    OUTLIER: "One reading of a register lay apart from the line that those around it follow, and was left out.",
    NOT_ACCEPTED: "The station sent the message while its registration was pending or rejected.",
}

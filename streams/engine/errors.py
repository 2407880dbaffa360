"""What ends a stream worker on purpose, each with one sentence for the operator.

VoltstreamError
├── LogContradictionError       (of contracts: a fold may raise it too)
│   ├── LogCutError             records that were not folded yet are gone from the source topic
│   ├── StateCutError           the state topic lost its head
│   └── ForeignLogError         the state belongs to another log than the topics
├── UnknownFormatError          the state was written by another version
└── UnwritableError             a dead letter, or an agent's clock record, that does not fit its topic
"""

from contracts.errors import LogContradictionError, VoltstreamError


class LogCutError(LogContradictionError):
    """The source topic begins beyond the next record to fold."""

    code = "log-cut"


class StateCutError(LogContradictionError):
    """The state topic does not begin at its beginning."""

    code = "state-cut"


class ForeignLogError(LogContradictionError):
    """The fence lies beyond the end of the source partition, or in a later log than the setting says."""

    code = "foreign-log"


class UnknownFormatError(VoltstreamError):
    """A state value begins with a format number that this version does not read."""

    code = "unknown-format"


class UnwritableError(VoltstreamError):
    """What must be written does not fit, and nothing smaller can stand for it."""

    code = "unwritable"


class TooLargeError(Exception):
    """An output or a state that does not fit its topic; the record that caused it becomes a dead letter."""

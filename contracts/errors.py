"""The error tree.

VoltstreamError                 every error of ours: a bounded `code` for metrics and logs, `retriable` for callers
├── ConfigurationError          a setting is wrong or does not fit the cluster: fix it and start again
├── StationError                the charging station's fault
│   └── FrameError              a frame that OCPP-J cannot read
├── RecordError                 a record on a topic that cannot be decoded
├── LogUnavailableError         Kafka does not answer: the same again later
└── LogContradictionError       the log and what we remember of it do not fit: an operator must decide
"""


class VoltstreamError(Exception):
    """Base of all errors raised on purpose. `code` is one of a bounded set, fit for a metric's label."""

    code = "error"
    retriable = False


class ConfigurationError(VoltstreamError):
    """A setting is wrong; the message names its variable and what is wanted. The process ends with status 2."""

    code = "configuration"


class StationError(VoltstreamError):
    """The station sent what it must not."""

    code = "station"


class FrameError(StationError):
    """Bytes that are no OCPP-J message."""

    code = "frame"


class RecordError(VoltstreamError):
    """A record on one of our topics that its reader cannot decode. It goes to the dead letters."""

    code = "record"


class LogUnavailableError(VoltstreamError):
    """Kafka is away."""

    code = "log-unavailable"
    retriable = True


class LogContradictionError(VoltstreamError):
    """The log was cut, re-created or repartitioned under us; the message names the variable and the way out."""

    code = "log-contradiction"

"""Secrets by file: `SINK_INFLUX_TOKEN_FILE=/run/secrets/token` stands for `SINK_INFLUX_TOKEN`.

A variable can be read by whoever may look at the process or at its container; a mounted file need not.
"""

from collections.abc import Mapping
from pathlib import Path

from contracts.errors import ConfigurationError


def file_variable(variable: str) -> str:
    """The variable that names the file of a secret's variable."""
    return f"{variable}_FILE"


def secret_from_file(variable: str, environment: Mapping[str, str]) -> str | None:
    """The secret in the file that `environment` names for `variable`, without the newline at its end; None: none named.

    Raises ConfigurationError, which never shows what the file holds: the variable is given too, or the file is missing,
    unreadable or empty.
    """
    named = file_variable(variable)
    if not (path := environment.get(named)):
        return None
    if environment.get(variable):
        raise ConfigurationError(f"{variable} and {named} are both set: one of them is wanted")
    try:
        secret = Path(path).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"{named}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{named}: {path} is not UTF-8 text") from None
    if not secret:
        raise ConfigurationError(f"{named}: {path} is empty")
    return secret

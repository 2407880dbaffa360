"""Settings: one class per service, built once in `__main__`; nothing else reads the environment.

A field `listen` of a class with the prefix `EDGE_` is the variable `EDGE_LISTEN` and the flag `--listen`. A flag beats
the environment, which beats the default. A secret may stand in a file that VARIABLE_FILE names. Whatever is wrong ends
the process with exit code 2 and one line that names the variable, the flag and what is wanted. A field's `title`, where
it has one, is what --help shows for its value.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.errors import ConfigurationError
from ops.platforms import injected
from ops.secret_files import file_variable, secret_from_file

_WANTED = {
    "int_parsing": "a whole number is wanted",
    "int_parsing_size": "a smaller number is wanted",
    "int_from_float": "a whole number is wanted",
    "float_parsing": "a number is wanted",
    "bool_parsing": "true or false is wanted",
}
"""In our words, by pydantic's types of errors; its own do for the rest."""


def settings_config(prefix: str) -> SettingsConfigDict:
    """The `model_config` of a settings class whose variables begin with `prefix`, for example `EDGE_`."""
    return SettingsConfigDict(
        env_prefix=prefix,
        env_ignore_empty=True,  # compose files pass unset variables on as empty ones
        enable_decoding=False,  # a list is comma-separated text, not JSON; our own types parse it
        extra="forbid",
        allow_inf_nan=False,  # no duration is without end, and a timer of `inf` fails far from here
        frozen=True,
        hide_input_in_errors=True,  # no secret in a message; `from_text` shows harmless values itself
        use_attribute_docstrings=False,
    )


class Settings(BaseSettings):
    """Base of every settings class. The docstring's first line is its title in --help; each field has a description."""

    flag_prefix: ClassVar[str] = ""
    """Put before the flags of a class whose names say too little without its prefix (`--log-level`)."""
    notes: ClassVar[str] = ""
    """What --help says below all flags, as it stands."""
    foreign_names: ClassVar[bool] = False
    """Other programs use the prefix too (`KAFKA_HEAP_OPTS`): only warn of an unknown variable that is nearly ours."""

    without_flag: ClassVar[frozenset[str]] = frozenset()
    """Secrets that must not even be offered as flags, which are seen in the process list."""

    @classmethod
    def prefix(cls) -> str:
        return cls.model_config.get("env_prefix", "")

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field."""
        return f"{cls.prefix()}{field}".upper()

    @classmethod
    def variables(cls) -> frozenset[str]:
        """Every environment variable that the class reads."""
        plain = {cls.variable(field) for field in cls.model_fields}
        return frozenset(plain | {file_variable(cls.variable(field)) for field in cls.secret_fields()})

    @classmethod
    def secret_fields(cls) -> list[str]:
        """The fields whose values may never be printed."""
        return [name for name, field in cls.model_fields.items() if is_secret(field)]

    @classmethod
    def flag(cls, field: str) -> str:
        """The command-line flag of a field."""
        return f"--{cls.flag_prefix}{field.replace('_', '-')}"

    @classmethod
    def wrong(cls, field: str, wanted: str) -> ConfigurationError:
        """The error to raise where a value turns out to be unusable later (a port in use, a topic of another size)."""
        flag = "" if field in cls.without_flag else f" ({cls.flag(field)})"
        return ConfigurationError(f"{cls.variable(field)}{flag}: {wanted}")

    @classmethod
    def from_text(cls, flags: Mapping[str, object]) -> Self:
        """Build from the flags that were given (field -> text) and the environment. Raises ConfigurationError."""
        values = dict(flags)
        for name in cls.secret_fields():
            if name not in flags and (secret := secret_from_file(cls.variable(name), os.environ)) is not None:
                values[name] = secret
        try:
            return cls(**values)  # type: ignore[arg-type]  # pydantic turns text into the fields' types
        except ValidationError as error:
            raise cls._explain(error, flags) from None

    @classmethod
    def _explain(cls, error: ValidationError, flags: Mapping[str, object]) -> ConfigurationError:
        first = error.errors(include_url=False)[0]
        message = _WANTED.get(first["type"], first["msg"].removeprefix("Value error, "))
        if not first["loc"]:
            return ConfigurationError(message)
        name = str(first["loc"][0])
        field = cls.model_fields.get(name)
        if field is None:
            return ConfigurationError(f"{cls.variable(name)} ({cls.flag(name)}): no such setting")
        given = flags.get(name, os.environ.get(cls.variable(name)))
        shown = "" if given is None or is_secret(field) else f", not {given!r}"
        if first["type"] == "value_error" and "'" in message:  # it shows the wrong part of the value itself
            shown = ""
        if message[1:2].islower():
            message = message[0].lower() + message[1:]
        return cls.wrong(name, f"{message}{shown} ({field.description})")


def is_secret(field: FieldInfo) -> bool:
    """Whether a field's value may never be printed."""
    return "SecretStr" in str(field.annotation) or field.annotation is SecretStr


def check_variables(classes: Iterable[type[Settings]], environment: Mapping[str, str]) -> list[str]:
    """Look for variables that begin like ours but are none of ours: most are misspelt settings.

    Raises ConfigurationError that names them, each with the nearest setting; gives warnings where other programs use
    the prefix too. What a container platform put there is passed over. Only the prefixes of `classes` are judged, so
    one environment file may hold the settings of all services.
    """
    known = frozenset[str]().union(*(cls.variables() for cls in classes))
    refused, warnings = [], []
    for name, value in sorted(environment.items()):
        owner = next((cls for cls in classes if cls.prefix() and name.upper().startswith(cls.prefix())), None)
        if owner is None or name.upper() in known or injected(name, value, owner.prefix()):
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)
        if not owner.foreign_names:
            [nearest] = near or difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)
            told = "did you mean" if near else "the nearest is"
            refused.append(f"{name} is not a setting ({told} {nearest}{'?' if near else ''})")
        elif near:
            warnings.append(f"{name} is not a setting and changes nothing: did you mean {near[0]}?")
    if refused:
        raise ConfigurationError("; ".join(refused))
    return warnings


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port; port 0 lets the system choose one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: object) -> "Address":
        """`host:port` or `[v6]:port`. Raises ValueError."""
        if isinstance(text, Address):
            return text
        host, colon, port = str(text).rpartition(":")
        host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not colon or not host or "/" in host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError("host:port is wanted")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _split(text: object) -> object:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def _http_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", text):
        raise ValueError("an http:// or https:// URL is wanted")
    return text.rstrip("/")


HostPort = Annotated[Address, BeforeValidator(Address.parse)]
"""The type of a field that holds one address."""
Url = Annotated[str, AfterValidator(_http_url)]
"""The type of a field that holds the base of an HTTP service's addresses; without the slash at its end."""
Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""The type of a field that holds comma-separated words."""
Addresses = Annotated[tuple[HostPort, ...], BeforeValidator(_split)]
"""The type of a field that holds comma-separated addresses."""

"""Command-line flags, generated from settings classes."""

import argparse
import inspect
import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from contracts.errors import ConfigurationError
from ops.secret_files import file_variable
from ops.settings import Address, Settings, check_variables, is_secret

S = TypeVar("S", bound=Settings)


class Loaded:
    """The settings of one command, by class."""

    def __init__(self, settings: Iterable[Settings], warnings: Sequence[str]) -> None:
        self._by_class: dict[type[Settings], Settings] = {type(one): one for one in settings}
        self.warnings = warnings
        """Sentences about the environment, to be logged once logging is set up."""

    def __getitem__(self, cls: type[S]) -> S:
        found = self._by_class[cls]
        if not isinstance(found, cls):
            raise TypeError(cls)
        return found


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message} (see {self.prog} --help)")


def load(
    program: str,
    summary: str,
    classes: Sequence[type[Settings]],
    arguments: Sequence[str],
    *,
    relatives: Sequence[type[Settings]] = (),
) -> Loaded:
    """Read flags and environment into one object per class. Raises ConfigurationError; --help prints and exits 0.

    `relatives` are settings of other commands whose variables begin alike: they may stand in the same environment.
    """
    values = vars(parser(program, summary, classes).parse_args(arguments))
    warnings = check_variables((*classes, *relatives), os.environ)
    built = []
    for cls in classes:
        given = {field: values.get(cls.variable(field)) for field in cls.model_fields}
        built.append(cls.from_text({field: value for field, value in given.items() if value is not None}))
    return Loaded(built, warnings)


def parser(program: str, summary: str, classes: Sequence[type[Settings]]) -> argparse.ArgumentParser:
    """The parser of one command. argparse.ArgumentError where two classes claim one flag."""
    result = _Parser(
        prog=program, usage="%(prog)s [flags]", description=summary, allow_abbrev=False, formatter_class=_Help
    )
    result.epilog = "\n\n".join([*_secrets_note(classes), *(cls.notes for cls in classes if cls.notes)]) or None
    for cls in classes:
        title = (inspect.getdoc(cls) or cls.__name__).splitlines()[0]
        group = result.add_argument_group(title, _without_flag(cls))
        for name, field in cls.model_fields.items():
            if name in cls.without_flag:
                continue
            options: dict[str, Any] = {"dest": cls.variable(name), "help": _help(cls, name, field)}
            if _plain_type(field) is bool:
                options["action"] = argparse.BooleanOptionalAction
            else:
                options["metavar"] = _metavar(field)
            group.add_argument(cls.flag(name), **options)
    return result


def _without_flag(cls: type[Settings]) -> str | None:
    """What --help says of the settings that have no flag."""
    lines = [
        f"{cls.variable(name)} has no flag, only the variable or its file: {field.description}"
        for name, field in cls.model_fields.items()
        if name in cls.without_flag
    ]
    return "\n".join(lines) or None


def _secrets_note(classes: Sequence[type[Settings]]) -> list[str]:
    secrets = [cls.variable(field) for cls in classes for field in cls.secret_fields()]
    return [f"A secret may stand in a file that VARIABLE_FILE names ({file_variable(secrets[0])})."] if secrets else []


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=min(_terminal_width(), 120))


def _terminal_width() -> int:
    try:
        return max(60, os.get_terminal_size().columns - 2)
    except OSError:
        return 100


def _help(cls: type[Settings], name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        shown = "required"
    elif is_secret(field):
        shown = "a secret: prefer the variable, flags are seen in the process list"
    elif default is None or default in ("", ()):
        shown = "not set by default"
    else:
        shown = f"default {text_of(default)}"
    return f"{field.description} [{cls.variable(name)}; {shown}]".replace("%", "%%")


def text_of(value: object) -> str:
    """A setting's value as one would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(text_of(part) for part in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _plain_type(field: FieldInfo) -> Any:
    """The field's type without `| None`."""
    kind = field.annotation
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        members = [member for member in typing.get_args(kind) if member is not type(None)]
        kind = members[0] if len(members) == 1 else kind
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind


def _metavar(field: FieldInfo) -> str:
    kind = _plain_type(field)
    if field.title is not None:
        return field.title
    if typing.get_origin(kind) is typing.Literal:
        return "{" + ",".join(str(member) for member in typing.get_args(kind)) + "}"
    if typing.get_origin(kind) is tuple:
        return "A,B,..."
    names: Mapping[Any, str] = {int: "N", float: "X", Address: "HOST:PORT", SecretStr: "SECRET"}
    return names.get(kind, "TEXT")

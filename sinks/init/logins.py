"""The two logins: what each may do, and the file in which its owner finds the token."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sinks.init.settings import SinkInitSettings


@dataclass(frozen=True, slots=True)
class Login:
    """One that may only write, or only read, in one bucket."""

    action: Literal["write", "read"]
    owner: str
    token_file: "TokenFile"

    def hand_over(self, token: str) -> str:
        """Put the token into its owner's file; a sentence that says whether it is new there."""
        new = self.token_file.write(token)
        return f"{self.action} token of {self.owner}: {'written to' if new else 'there, in'} {self.token_file.path}"


class TokenFile:
    """Holds one token, without a newline. Every method raises ConfigurationError, which names the setting."""

    def __init__(self, setting: str, path: Path, mode: int) -> None:
        self._setting, self.path, self._mode = setting, path, mode

    def read(self) -> str:
        """The token in the file, empty where there is no file."""
        try:
            return self.path.read_text("utf-8").strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise SinkInitSettings.wrong(self._setting, f"{self.path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SinkInitSettings.wrong(self._setting, f"{self.path} is not UTF-8 text") from None

    def write(self, token: str) -> bool:
        """Put `token` there, as a whole and with the mode of the settings; False where it was so already."""
        try:
            if self.read() == token:
                self.path.chmod(self._mode)
                return False
            draft = self.path.with_name(f".{self.path.name}.draft")
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()  # a run that was cut short left it
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                os.fchmod(file.fileno(), self._mode)  # whatever the umask
                file.write(token)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            raise SinkInitSettings.wrong(self._setting, f"{self.path}: {error.strerror}") from None
        return True


def logins(settings: SinkInitSettings) -> tuple[Login, Login]:
    """The sinks' and Grafana's."""
    mode = int(settings.token_mode, 8)
    return (
        Login("write", "the sinks", TokenFile("write_token_to", settings.write_token_to, mode)),
        Login("read", "Grafana", TokenFile("read_token_to", settings.read_token_to, mode)),
    )

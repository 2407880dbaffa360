"""InfluxDB as its administrator asks it: one request after the other, and every refusal a plain sentence."""

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Any, Self

from influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from contracts.errors import VoltstreamError
from sinks.influx_client import error_of, words_of
from sinks.influx_settings import InfluxSettings
from sinks.init.settings import SinkInitSettings
from sinks.store import StoreAwayError, StoreClosedError

PAUSE_S = 0.5


class Server:
    """An InfluxDB, asked with a token. `client` is influxdb-client's, to be used inside `plainly`."""

    def __init__(self, settings: InfluxSettings, token: str) -> None:
        self._url, self._token = settings.influx_url, token
        self.client: Any = InfluxDBClient(
            self._url, token, org=settings.influx_org, timeout=round(settings.influx_timeout_s * 1000)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def wait(self, seconds: float) -> None:
        """Until it answers. Raises StoreAwayError after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self.plainly():
                    self._ask("GET", "/ping")
                return
            except StoreAwayError as error:
                if time.monotonic() + PAUSE_S > deadline:
                    raise StoreAwayError(f"{error} (waited for {seconds:g} s)") from None
                time.sleep(PAUSE_S)

    @contextlib.contextmanager
    def plainly(self) -> Iterator[None]:
        """Turn what the client raises into a StoreError, or a ConfigurationError where the token is the trouble."""
        try:
            yield
        except ApiException as error:
            raise self._refusal(error) from None
        except HTTPError as error:
            raise StoreAwayError(f"{self._url} does not answer: {_cause(error)}") from None

    def query(self, influxql: str) -> list[dict[str, Any]]:
        """The rows that one statement of InfluxQL gives. Raises StoreError and ConfigurationError."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        with self.plainly():
            answer = self._ask("POST", "/query", header_params=form, post_params=[("q", influxql)])
        try:
            (result,) = answer["results"]
        except (TypeError, KeyError, ValueError):  # a proxy's page, say
            raise InfluxSettings.wrong("influx_url", f"what answers at {self._url} is not InfluxDB") from None
        if "error" in result:
            shown = re.sub("'.*'", "'...'", influxql)  # only passwords are literals
            raise StoreClosedError(f"InfluxDB refuses {shown}: {result['error']}")
        return [
            dict(zip(series["columns"], values, strict=True))
            for series in result.get("series", [])
            for values in series.get("values", [])
        ]

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        api = self.client.api_client
        return api.call_api(path, method, response_type=object, _return_http_data_only=True, **request)

    def _refusal(self, error: ApiException) -> VoltstreamError:
        match error.status:
            case 401 if not self._token:
                return SinkInitSettings.wrong("admin_token", f"InfluxDB at {self._url} asks for one")
            case 401:
                return SinkInitSettings.wrong("admin_token", f"InfluxDB at {self._url} does not accept it")
            case 403:
                return SinkInitSettings.wrong("admin_token", f"is no administrator's: {words_of(error)}")
            case status:
                return error_of(status, words_of(error))


def _cause(error: BaseException) -> str:
    """The last words of urllib3's message, without the objects in it."""
    return str(error).rpartition(": ")[2].rstrip(")") or type(error).__name__

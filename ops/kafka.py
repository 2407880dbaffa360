"""Kafka's settings, and the options they make for its clients."""

import ssl
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr

from ops.settings import Address, Settings, settings_config


def _brokers(text: str) -> str:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ValueError("host:port,... is wanted")
    return ",".join(str(Address.parse(part)) for part in parts)


class KafkaSettings(Settings):
    """Kafka"""

    model_config = settings_config("KAFKA_")
    foreign_names: ClassVar[bool] = True

    bootstrap: Annotated[str, AfterValidator(_brokers)] = Field(
        "127.0.0.1:9092", title="HOST:PORT,...", description="The brokers to ask first, host:port, comma-separated."
    )
    partitions: int = Field(12, ge=1, le=10_000, description="Partitions of every topic; one number for all of them.")
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = Field(
        "ocpp.", description="What every topic's name begins with."
    )
    log_epoch: int = Field(
        1, ge=1, description="Raised by one by whoever re-creates the topics; stamped into every tick."
    )
    check_crcs: bool = Field(
        default=True, description="Whether consumers check checksums; off only on the embedded broker."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="How to log in, where the security protocol is one of SASL's."
    )
    sasl_username: str | None = Field(None, description="The user to log in as.")
    sasl_password: SecretStr | None = Field(None, description="The user's password.")
    ssl_cafile: str | None = Field(None, description="A PEM file of the authorities to trust; the system's by default.")
    ssl_certfile: str | None = Field(None, description="A PEM file with this client's certificate, for mutual TLS.")
    ssl_keyfile: str | None = Field(None, description="A PEM file with this client's private key, for mutual TLS.")

    @property
    def brokers(self) -> list[str]:
        """The brokers, one host:port each."""
        return self.bootstrap.split(",")

    def topic(self, name: str) -> str:
        """A topic's name on the brokers: the prefix and the name."""
        return self.topic_prefix + name


def client_options(kafka: KafkaSettings, client_id: str) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes: brokers, name, security. ConfigurationError for bad files."""
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.brokers,
        "client_id": client_id,
        "security_protocol": kafka.security_protocol,
    }
    if "SASL" in kafka.security_protocol:
        if kafka.sasl_username is None or kafka.sasl_password is None:
            field = "sasl_username" if kafka.sasl_username is None else "sasl_password"
            raise kafka.wrong(field, f"is wanted with the security protocol {kafka.security_protocol}")
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": kafka.sasl_password.get_secret_value(),
        }
    if "SSL" in kafka.security_protocol:
        options["ssl_context"] = _ssl_context(kafka)
    return options


def consumer_options(kafka: KafkaSettings, client_id: str) -> dict[str, Any]:
    """Keyword arguments for an AIOKafkaConsumer of our derived topics: committed records only, nothing by itself."""
    return {
        **client_options(kafka, client_id),
        "check_crcs": kafka.check_crcs,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
    }


def _ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
    except OSError as error:
        raise kafka.wrong("ssl_cafile", f"a readable PEM file is wanted: {error}") from error
    if kafka.ssl_keyfile is not None and kafka.ssl_certfile is None:
        raise kafka.wrong("ssl_certfile", "is wanted with a private key (--ssl-keyfile)")
    if kafka.ssl_certfile is not None:
        try:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
        except OSError as error:
            raise kafka.wrong("ssl_certfile", f"a PEM certificate with its key is wanted: {error}") from error
    return context

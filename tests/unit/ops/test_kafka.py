import ssl
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from ops.kafka import KafkaSettings, client_options, consumer_options

SECRET = "hunter2"  # noqa: S105 - nobody's


def settings(**text: str) -> KafkaSettings:
    return KafkaSettings.from_text(text)


def test_the_defaults_are_a_broker_on_this_machine() -> None:
    kafka = settings()
    assert (kafka.bootstrap, kafka.partitions, kafka.topic_prefix, kafka.log_epoch) == (
        "127.0.0.1:9092",
        12,
        "ocpp.",
        1,
    )
    assert client_options(kafka, "edge") == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "client_id": "edge",
        "security_protocol": "PLAINTEXT",
    }


def test_the_prefix_is_replaced_not_prepended() -> None:
    assert settings().topic("messages") == "ocpp.messages"
    assert settings(topic_prefix="replay2.").topic("messages") == "replay2.messages"


def test_brokers_are_a_list() -> None:
    assert settings(bootstrap="a:1, [::1]:2,").brokers == ["a:1", "[::1]:2"]


@pytest.mark.parametrize("text", ["localhost", ",", "a:1,b", "kafka://a:1"])
def test_wrong_brokers_are_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^KAFKA_BOOTSTRAP \(--bootstrap\): host:port"):
        settings(bootstrap=text)


@pytest.mark.parametrize(("field", "value"), [("partitions", "0"), ("log_epoch", "0"), ("topic_prefix", "a/b")])
def test_other_wrong_values_are_told(field: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^KAFKA_{field.upper()} "):
        settings(**{field: value})


def test_consumers_of_derived_topics_read_what_was_committed() -> None:
    options = consumer_options(settings(check_crcs="false"), "sink")
    assert options["isolation_level"] == "read_committed"
    assert options["check_crcs"] is False
    assert options["enable_auto_commit"] is False


def test_sasl_wants_a_user_and_a_password() -> None:
    with pytest.raises(ConfigurationError, match=r"KAFKA_SASL_USERNAME \(--sasl-username\)"):
        client_options(settings(security_protocol="SASL_PLAINTEXT"), "edge")
    with pytest.raises(ConfigurationError, match=r"KAFKA_SASL_PASSWORD \(--sasl-password\)"):
        client_options(settings(security_protocol="SASL_PLAINTEXT", sasl_username="edge"), "edge")


def test_sasl_over_tls() -> None:
    kafka = settings(
        security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", sasl_username="edge", sasl_password=SECRET
    )
    options = client_options(kafka, "edge")
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_password"] == SECRET
    assert isinstance(options["ssl_context"], ssl.SSLContext)
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert SECRET not in repr(kafka)


def test_a_private_key_wants_its_certificate() -> None:
    with pytest.raises(ConfigurationError, match=r"KAFKA_SSL_CERTFILE \(--ssl-certfile\): is wanted with"):
        client_options(settings(security_protocol="SSL", ssl_keyfile="/nope"), "edge")


def test_a_missing_certificate_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"KAFKA_SSL_CAFILE \(--ssl-cafile\): a readable PEM file is wanted"):
        client_options(settings(security_protocol="SSL", ssl_cafile=str(tmp_path / "none.pem")), "edge")
    with pytest.raises(ConfigurationError, match=r"KAFKA_SSL_CERTFILE \(--ssl-certfile\): a PEM certificate"):
        client_options(settings(security_protocol="SSL", ssl_certfile=str(tmp_path / "none.pem")), "edge")

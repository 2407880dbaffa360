"""What is declared: by whom, under which names, and that no label can grow without bound."""

from prometheus_client import Metric, generate_latest

from ops.metrics import edge, live, sink, streams
from ops.metrics.registry import ServiceRegistry

REGISTRIES: list[ServiceRegistry] = [edge.REGISTRY, streams.REGISTRY, sink.REGISTRY, live.REGISTRY]
SHARED = {"voltstream_build"}
# What a charger chooses, and would make a metric grow without bound.
UNBOUNDED = {"station", "identity", "connector", "evse", "transaction", "token", "conn", "remote", "firmware"}


def families(registry: ServiceRegistry) -> list[Metric]:
    return [family for family in registry.collect() if family.name.startswith("voltstream_")]


def test_names_begin_with_ours_and_end_in_a_sentence() -> None:
    for registry in REGISTRIES:
        others = [family.name for family in registry.collect() if not family.name.startswith("voltstream_")]
        assert all(name.startswith(("process_", "python_")) for name in others)
        assert [each.name for each in families(registry) if not each.documentation.endswith(".")] == []


def test_no_two_services_declare_one_name() -> None:
    names = [each.name for registry in REGISTRIES for each in families(registry) if each.name not in SHARED]
    assert len(names) == len(set(names))


def test_a_service_shows_its_own_and_what_every_process_has() -> None:
    for registry in REGISTRIES:
        text = generate_latest(registry).decode()
        assert text.count("voltstream_build_info{") == 1
        assert f"voltstream_{registry.service}_loop_lag_seconds_count" in text
        assert "process_cpu_seconds_total" in text
        assert "_created" not in text
    assert "voltstream_edge" not in generate_latest(live.REGISTRY).decode()


def test_no_label_can_grow_without_bound() -> None:
    edge.FRAMES_IN.labels("ocpp1.6", "CALL")
    for registry in REGISTRIES:
        for family in families(registry):
            assert not UNBOUNDED & {label for sample in family.samples for label in sample.labels}

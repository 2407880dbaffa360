"""What is declared: by whom, under which names, and that no label can grow without bound."""

from pathlib import Path

from prometheus_client import Metric, generate_latest

from ops.metrics import edge, live
from ops.metrics.document import SERVICES, declared, document
from ops.metrics.registry import ServiceRegistry

PROJECT = Path(__file__).resolve().parents[3]
REGISTRIES: list[ServiceRegistry] = list(SERVICES.values())
SHARED = {"voltstream_build_info"}
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
        assert not UNBOUNDED & {label for one in declared(registry) for label in one.labels}


def test_the_page_says_what_is_declared() -> None:
    """`python -m ops.metrics` writes it anew."""
    assert (PROJECT / "docs" / "metrics.md").read_text() == document()


def test_the_page_has_every_metric_that_is_shown() -> None:
    page = document()
    for registry in REGISTRIES:
        for family in families(registry):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert f"| `{name}` | {family.type} |" in page

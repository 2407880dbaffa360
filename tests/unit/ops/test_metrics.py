from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from ops import metrics

DECLARED = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
# What a charger chooses, and would make a metric grow without bound.
UNBOUNDED = {"station", "identity", "connector", "evse", "transaction", "token", "conn", "remote", "firmware"}


def test_names_begin_with_ours_and_say_their_unit() -> None:
    for metric in DECLARED:
        [family] = metric.describe()
        assert family.name.startswith("voltstream_")
        assert family.documentation.endswith(".")


def test_no_label_can_grow_without_bound() -> None:
    for metric in DECLARED:
        assert not UNBOUNDED & set(metric._labelnames)


def test_a_counters_variable_is_no_gauge() -> None:
    for name, metric in vars(metrics).items():
        if isinstance(metric, Counter):
            assert name.isupper()

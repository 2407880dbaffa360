"""Tallies show what prometheus_client's own metrics would."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ops.metrics.tally import TallyCounter, TallyHistogram

BUCKETS = (0.1, 1, 5)


def test_a_counter_and_a_histogram_read_as_prometheus_own() -> None:
    ours, theirs = CollectorRegistry(auto_describe=True), CollectorRegistry()
    frames = TallyCounter("frames_total", "Frames.", ["type"], registry=ours)
    plain_frames = Counter("frames_total", "Frames.", ["type"], registry=theirs)
    seconds = TallyHistogram("answer_seconds", "Seconds.", ["action"], buckets=BUCKETS, registry=ours)
    plain_seconds = Histogram("answer_seconds", "Seconds.", ["action"], buckets=BUCKETS, registry=theirs)
    frames.labels("CALL").value += 2
    plain_frames.labels("CALL").inc(2)
    for value in (0.05, 0.1, 0.5, 1.0, 7.0):  # a value on a bound belongs below it
        seconds.labels("Heartbeat").observe(value)
        plain_seconds.labels("Heartbeat").observe(value)
    assert generate_latest(ours) == generate_latest(theirs)


def test_a_child_is_the_same_each_time() -> None:
    counter = TallyCounter("frames_total", "Frames.", ["type"], registry=CollectorRegistry(auto_describe=True))
    assert counter.labels("CALL") is counter.labels("CALL")
    assert counter.labels("SEND") is not counter.labels("CALL")


def test_a_counter_without_labels_is_there_once_it_was_fetched() -> None:
    registry = CollectorRegistry(auto_describe=True)
    TallyCounter("frames_total", "Frames.", registry=registry).labels()
    assert "\nframes_total 0.0\n" in generate_latest(registry).decode()

"""The times of OCPP 1.6 sessions: wrong clocks, what was sent later, and where a record stands in a store."""

from list_log import Log, ms

HOUR = 3600


# -- clocks


def test_a_start_without_a_clock_has_the_edges_time(log: Log) -> None:
    log.start(10, 0, said="1970-01-01T00:00:12Z")
    log.stop(130, 500, said="1970-01-01T00:02:12Z")
    session = log.session()
    assert (session["session_id"], session["flags"]) == (f"default/CP1/7/{ms(10)}", ["clock-suspect"])
    assert (session["start_clock"], session["end_clock"], session["ended_at"]) == ("edge", "edge", ms(130))


def test_its_retries_are_one_session(log: Log) -> None:
    log.start(10, 0, said="1970-01-01T00:00:12Z")
    log.start(40, 0, said="1970-01-01T00:00:12Z")
    assert log.session()["started_at"] == ms(10)


def test_its_retries_over_connections_are_one_session_under_either_id(log: Log) -> None:
    log.start(10, 0, transaction=9, said="1970-01-01T00:00:12Z")
    log.connect(20, "C2")
    log.start(21, 0, transaction=8, said="1970-01-01T00:00:12Z", conn="C2")
    log.meter(81, 100, transaction=8, conn="C2")
    log.meter(91, 110, transaction=9, conn="C2")
    log.stop(141, 200, transaction=8, conn="C2", said="1970-01-01T00:02:12Z")
    session = log.session()
    assert (session["started_at"], session["ended_at"], session["readings"]) == (ms(10), ms(141), 2)


def test_its_next_session_is_another_one(log: Log) -> None:
    for number, begin in enumerate((0, 300, 600)):
        log.start(begin, 0, transaction=50 + number, said="1970-01-01T00:00:12Z")
        log.stop(begin + 120, 500, transaction=50 + number, said="1970-01-01T00:00:12Z")
    assert [each["started_at"] for each in log.sessions()] == [ms(0), ms(300), ms(600)]


def test_also_on_another_connection_where_the_first_was_stopped(log: Log) -> None:
    log.start(10, 0, transaction=9, said="1970-01-01T00:00:12Z")
    log.stop(100, 500, transaction=9, said="1970-01-01T00:02:12Z")
    log.connect(200, "C2")
    log.start(210, 0, transaction=8, said="1970-01-01T00:00:12Z", conn="C2")
    assert [each["started_at"] for each in log.sessions()] == [ms(10), ms(210)]


def test_the_retry_of_a_stop_without_a_clock_or_an_id_does_not_end_the_next_session(log: Log) -> None:
    log.start(0, 0, transaction=7)
    log.stop(100, 500, transaction=-1, said="1970-01-01T00:00:12Z")
    log.start(110, 0, transaction=8)
    log.stop(130, 500, transaction=-1, said="1970-01-01T00:00:12Z")
    assert [each["state"] for each in log.sessions()] == ["ended", "open"]


def test_a_time_of_the_future_is_not_believed(log: Log) -> None:
    log.start(10, 1000, said=10 + HOUR)
    assert (log.session()["started_at"], log.session()["start_clock"]) == (ms(10), "edge")


def test_a_session_that_ends_before_it_starts_has_no_duration(log: Log) -> None:
    log.start(10, 1000, said=310)
    log.stop(130, 2000)
    session = log.session()
    assert (session["started_at"], session["ended_at"]) == (ms(310), ms(130))
    assert "duration_s" not in session
    assert session["flags"] == ["clock-suspect"]


def test_one_that_ends_as_it_starts_has_one(log: Log) -> None:
    log.start(10, 1000)
    log.stop(130, 1000, said=10)
    assert (log.session()["duration_s"], log.session()["flags"]) == (0, [])


def test_times_without_a_zone_are_utc(log: Log) -> None:
    log.start(10, 1000, said="2026-03-01T10:00:05")
    assert log.session()["started_at"] == ms(5)


# -- offline


def test_what_was_sent_later_is_flagged_offline(log: Log) -> None:
    log.disconnect(50)
    log.connect(600, "C2")
    log.start(601, 1000, said=100, conn="C2")
    log.meter(602, 1100, said=160, conn="C2")
    log.stop(603, 1200, said=220, conn="C2")
    session = log.session()
    assert (session["offline"], session["flags"], session["import_wh"]) == (True, ["offline"], 200)
    log.passes(905)
    assert log.quarters()["10:00"]["import_wh"] == 200


def test_what_was_retried_is_not(log: Log) -> None:
    log.start(10, 1000)
    log.disconnect(50)
    log.connect(600, "C2")
    log.start(601, 1000, said=10, conn="C2")
    log.stop(700, 1200, conn="C2")
    assert log.session()["offline"] is False


# -- points in a time-series store


def test_two_sessions_of_one_start_stand_a_millisecond_apart(log: Log) -> None:
    log.start(10, 1000, 8, tag="bert")
    log.start(11, 1000, 7, said=10, tag="anna")
    first, second = sorted(log.sessions(), key=lambda each: each["session_id"])
    assert (first["transaction_id"], first["point_at"]) == ("7", ms(10))
    assert (second["transaction_id"], second["point_at"]) == ("8", ms(10.001))
    assert "supersedes" not in second, "the first one stands there now"


def test_a_session_names_its_former_points(log: Log) -> None:
    log.start(10, 0, transaction=7, said="1970-01-01T00:00:12Z")
    log.disconnect(20)
    log.meter(70, 100, transaction=4711, connector=2)
    log.meter(71, 90, transaction=4711, connector=2, said=40)
    lost = next(each for each in log.sessions() if each["evse"] == 2)
    assert lost["point_at"] == ms(70)
    log.stop(80, 200, transaction=4711)
    lost = next(each for each in log.sessions() if each["evse"] == 2)
    assert (lost["point_at"], lost["supersedes"]) == (ms(40), [{"point_at": ms(70), "evse": 2}])

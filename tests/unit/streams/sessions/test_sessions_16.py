"""OCPP 1.6 sessions, from frames to records."""

from typing import Any

import pytest

from list_log import Log, meter_value, ms, ts
from streams.states import Books, decode

HOUR, DAY = 3600, 24 * 3600


def voids(log: Log) -> list[dict[str, Any]]:
    return [each for each in log.latest("sessions").values() if each["state"] == "void"]


def passed(log: Log, at: float) -> None:
    """The clock goes on to a time: an outage, and the ticks after it."""
    log.tick(at)
    log.tick(at + 5)


# -- the plain case


def test_a_session_from_start_to_stop(log: Log) -> None:
    log.start(10, 1000)
    for minute in range(1, 4):
        log.meter(10 + 60 * minute, 1000 + 100 * minute, Power_Active_Import=6000 + minute, SoC=50 + minute)
    log.stop(250, 1400, reason="Remote")
    session = log.session()
    assert session["session_id"] == f"default/CP1/7/{ms(10)}"
    assert (session["state"], session["started_at"], session["ended_at"]) == ("ended", ms(10), ms(250))
    assert (session["duration_s"], session["import_wh"], session["method"]) == (240, 400, "register")
    assert (session["meter_start_wh"], session["meter_stop_wh"]) == (1000, 1400)
    assert (session["evse"], session["connector"], session["transaction_id"]) == (1, 1, "7")
    assert (session["token"], session["stopped_by_ref"]) == ({"ref": "TAG"}, "TAG")
    assert (session["auth"], session["stop_reason"], session["result"]) == ({"status": "Accepted"}, "Remote", "ok")
    assert (session["power_peak_w"], session["power_mean_w"]) == (6003, 6002)
    assert (session["soc_from_pct"], session["soc_to_pct"]) == (51, 53)
    assert (session["readings"], session["first_reading_at"], session["last_reading_at"]) == (3, ms(70), ms(190))
    assert (session["start_clock"], session["end_clock"], session["point_at"]) == ("station", "station", ms(10))
    assert (session["final"], session["offline"], session["flags"]) == (False, False, [])


def test_an_open_session_shows_what_it_has_so_far(log: Log) -> None:
    log.start(10, 1000)
    log.meter(70, 1500)
    session = log.session()
    assert (session["state"], session["import_wh"], session["readings"]) == ("open", 500, 1)
    assert not {"ended_at", "duration_s", "meter_stop_wh", "stop_reason", "result"} & session.keys()


def test_without_readings_start_and_stop_tell(log: Log) -> None:
    log.start(10, 1000)
    assert log.session()["method"] == "none"
    log.stop(250, 1400)
    assert (log.session()["import_wh"], log.session()["method"]) == (400, "start-stop")


def test_an_omitted_reason_is_local_and_nothing_delivered_is_no_energy(log: Log) -> None:
    log.start(10, 1000)
    log.stop(250, 1000)
    assert (log.session()["stop_reason"], log.session()["result"]) == ("Local", "no-energy")


@pytest.mark.parametrize(
    ("reason", "result"), [("DeAuthorized", "deauthorised"), ("EmergencyStop", "fault"), ("EVDisconnected", "ok")]
)
def test_results(log: Log, reason: str, result: str) -> None:
    log.start(10, 1000)
    log.stop(250, 1400, reason=reason)
    assert log.session()["result"] == result


# -- when it is published


def test_a_start_is_published_with_its_reply(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    assert log.all("sessions") == []
    log.answer_start(10, 7)
    assert log.session()["transaction_id"] == "7"


def test_or_with_the_end_of_its_connection(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    log.disconnect(20)
    assert log.session()["session_id"] == f"default/CP1/?/{ms(10)}"


def test_or_with_an_error_in_the_place_of_the_reply(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    log.station(10, "frame", conn="C1", dir="out", type="CALLERROR", action="StartTransaction", call_seq=1)
    assert log.session()["transaction_id"] == "?"


def test_or_when_its_edge_is_lost(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    log.ticks(5, 30, node="edge-2")
    assert log.session()["transaction_id"] == "?"


def test_an_open_session_is_published_once_a_minute(log: Log) -> None:
    log.start(0, 1000)
    published = len(log.all("sessions"))
    for second in range(61, 180, 10):
        log.meter(second, 1000 + second)
    assert len(log.all("sessions")) - published == 2
    assert log.session()["last_reading_at"] == ms(121), "the first change in the third minute"
    log.stop(179, 1300)
    assert log.session()["readings"] == 12


def test_a_closed_one_is_published_at_each_change(log: Log) -> None:
    log.start(0, 1000)
    log.stop(100, 1300)
    published = len(log.all("sessions"))
    for second in (30, 40, 50):
        log.meter(110, 1000 + second, said=second)
    assert len(log.all("sessions")) - published == 3
    log.meter(110, 1050, said=50)
    assert len(log.all("sessions")) - published == 3, "a repeat is no change"


def test_another_sessions_start_does_not_publish_one_that_is_over(log: Log) -> None:
    log.start(0, 1000, 7)
    log.stop(100, 1300, 7)
    log.start(200, 1300, 8)
    revisions = [each["revision"] for each in log.all("sessions") if each["transaction_id"] == "7"]
    assert max(revisions) < 6


# -- retries


def test_a_start_retried_with_the_same_message_id_is_one_transaction(log: Log) -> None:
    for at in (10, 40, 70):
        log.start(at, 1000, said=10)
    log.stop(250, 1400)
    assert log.session()["started_at"] == ms(10)
    assert len(log.latest("sessions")) == 1


def test_a_start_retried_over_connections_is_one_transaction(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    log.disconnect(20)
    log.connect(30, "C2")
    log.start(31, 1000, said=10, conn="C2")
    log.stop(250, 1400, conn="C2")
    assert log.session()["transaction_id"] == "7"
    (void,) = voids(log)
    assert (void["transaction_id"], void["superseded_by"]) == ("?", log.session()["session_id"])
    assert "point_at" not in void, "the session stands there"


def test_a_stop_retried_with_its_data_counts_once(log: Log) -> None:
    log.start(10, 1000)
    log.meter(70, 1100)
    for at in (130, 160):
        log.stop(at, 1200, said=130, data={70: 1100, 100: 1150})
    session = log.session()
    assert (session["import_wh"], session["readings"], session["ended_at"]) == (200, 2, ms(130))
    assert len(voids(log)) == 0


def test_of_two_stops_for_one_start_the_first_in_time_counts(log: Log) -> None:
    log.start(10, 1000)
    log.stop(200, 1500)
    log.stop(210, 1400, said=100)
    assert (log.session()["ended_at"], log.session()["import_wh"]) == (ms(100), 400)


def test_a_session_that_is_over_is_reopened_by_nothing(log: Log) -> None:
    log.start(10, 1000)
    log.stop(100, 1400)
    log.start(110, 1000, said=10)  # a retry from the queue, after the stop
    assert log.session()["state"] == "ended"


# -- ids


def test_a_session_whose_start_was_never_answered_goes_on_as_minus_one(log: Log) -> None:
    log.start(10, 1000, transaction=1234)  # the reply is on the log, the station never got it
    log.meter(70, 1100, transaction=-1)
    log.stop(130, 1200, transaction=-1, data={100: 1150})
    session = log.session()
    assert (session["state"], session["transaction_id"], session["import_wh"]) == ("ended", "1234", 200)
    assert session["readings"] == 2


def test_several_sessions_share_minus_one(log: Log) -> None:
    for number in range(3):
        begin = 1000 * number
        log.start(begin, begin, transaction=50 + number)
        log.meter(begin + 60, begin + 40, transaction=-1)
        log.stop(begin + 120, begin + 100, transaction=-1)
    assert [each["import_wh"] for each in log.sessions()] == [100, 100, 100]
    assert [each["readings"] for each in log.sessions()] == [1, 1, 1]
    assert {each["state"] for each in log.sessions()} == {"ended"}


def test_a_stop_of_minus_one_finds_its_start_by_the_token(log: Log) -> None:
    log.start(10, 1000, transaction=51, connector=1, tag="anna")
    log.start(20, 5000, transaction=52, connector=2, tag="bert")
    log.stop(130, 1200, transaction=-1, tag="ANNA")
    assert [(each["evse"], each["state"]) for each in log.sessions()] == [(1, "ended"), (2, "open")]


def test_readings_with_id_0_inside_a_transaction_are_its_own(log: Log) -> None:
    log.meter(-100, 900, transaction=0)
    log.start(10, 1000)
    log.meter(70, 1100, transaction=0)
    log.stop(130, 1200)
    log.meter(400, 1200, transaction=0)
    session = log.session()
    assert (session["readings"], session["import_wh"]) == (1, 200)


@pytest.mark.parametrize("filler", [0, -1, -5, 2**63 - 1])
def test_idle_readings_with_a_fillers_id_are_no_session(log: Log, filler: int) -> None:
    for minute in range(3):
        log.meter(60 * minute, 5000, transaction=filler)
    assert log.all("sessions") == []
    assert log.quarters()["10:00"]["readings"] == 3


def test_readings_without_an_id_are_the_meters_and_no_sessions(log: Log) -> None:
    log.start(10, 1000)
    log.meter(70, 1100, transaction=None)
    log.stop(130, 1200)
    assert (log.session()["readings"], log.session()["import_wh"], log.session()["method"]) == (0, 200, "start-stop")
    assert log.quarters()["10:00"]["import_wh"] == 200


def test_readings_with_another_backends_id_join_the_start_on_their_connector(log: Log) -> None:
    log.start(10, 1000, transaction=7)
    log.meter(70, 1100, transaction=4711)
    log.meter(80, 500, transaction=4711, connector=2)
    log.stop(130, 1200, transaction=4711)
    (session,) = [each for each in log.sessions() if each["evse"] == 1]
    assert (session["transaction_id"], session["readings"], session["ended_at"]) == ("7", 1, ms(130))


def test_an_id_that_comes_back_is_another_session(log: Log) -> None:
    for begin in (0, 1000, 2000):
        log.start(begin, begin, transaction=7)
        log.meter(begin + 60, begin + 40)
        log.stop(begin + 120, begin + 100)
    assert [(each["import_wh"], each["readings"]) for each in log.sessions()] == [(100, 1)] * 3


def test_a_large_id_of_a_backend_is_an_id(log: Log) -> None:
    log.start(10, 1000, transaction=5_000_000_000)
    log.meter(70, 1100, transaction=5_000_000_000)
    assert log.session()["readings"] == 1


# -- missing starts


def test_a_session_joined_in_the_middle_begins_with_its_first_reading(log: Log) -> None:
    log.meter(10, 5000, transaction=4711)
    log.meter(70, 5100, transaction=4711)
    session = log.session()
    assert session["session_id"] == "default/CP1/4711/-"
    assert (session["started_at"], session["import_wh"], session["flags"]) == (ms(10), 100, ["missing-start"])
    log.stop(130, 5200, transaction=4711)
    session = log.session()
    assert (session["state"], session["ended_at"], session["import_wh"]) == ("ended", ms(130), 200)
    assert (session["point_at"], session["evse"]) == (ms(10), 1)


def test_it_may_begin_in_the_second_in_which_the_former_session_ends(log: Log) -> None:
    log.start(10, 1000, transaction=7)
    log.meter(70, 1100, transaction=7)
    log.stop(130, 1200, transaction=7)
    log.meter(130, 1200, transaction=4711)
    log.meter(190, 1300, transaction=4711)
    log.stop(250, 1400, transaction=4711)
    former, joined = log.sessions()
    assert (former["ended_at"], former["import_wh"]) == (ms(130), 200)
    assert (joined["session_id"], joined["evse"]) == ("default/CP1/4711/-", 1)
    assert (joined["started_at"], joined["ended_at"], joined["import_wh"]) == (ms(130), ms(250), 200)


def test_when_its_start_comes_it_is_void(log: Log) -> None:
    log.meter(70, 1100, transaction=7)
    log.start(80, 1000, transaction=7, said=10)
    log.stop(130, 1200)
    session = log.session()
    assert (session["session_id"], session["readings"]) == (f"default/CP1/7/{ms(10)}", 1)
    assert (session["import_wh"], session["flags"]) == (200, [])
    (void,) = voids(log)
    assert (void["session_id"], void["superseded_by"]) == ("default/CP1/7/-", session["session_id"])
    assert (void["import_wh"], void["point_at"]) == (0, ms(70))


def test_a_start_of_another_id_takes_what_it_covers(log: Log) -> None:
    log.meter(70, 1100, transaction=4711)
    log.start(80, 1000, transaction=7, said=10)
    session = log.session()
    assert (session["transaction_id"], session["readings"]) == ("7", 1)
    (void,) = voids(log)
    assert void["superseded_by"] == session["session_id"]


def test_a_stop_of_a_session_that_nobody_knows(log: Log) -> None:
    log.stop(130, 5200, transaction=12, said=-3 * DAY)
    session = log.session()
    assert (session["session_id"], session["state"], session["method"]) == ("default/CP1/12/-", "ended", "none")
    assert (session["ended_at"], session["point_at"], session["evse"]) == (ms(-3 * DAY), ms(-3 * DAY), 0)
    assert session["flags"] == ["missing-start", "offline"]
    assert "import_wh" not in session


def test_a_stop_whose_id_readings_named_is_theirs_whatever_its_token_does_elsewhere(log: Log) -> None:
    log.start(0, 0, transaction=7, connector=2)
    log.meter(10, 5000, transaction=4711, connector=1)
    log.stop(130, 5200, transaction=4711)
    assert [(each["evse"], each["state"]) for each in log.sessions()] == [(2, "open"), (1, "ended")]


def test_data_of_a_stop_waits_until_its_evse_is_known(log: Log) -> None:
    log.stop(130, 1200, data={70: 1100, 100: 1150})
    assert log.quarters() == {}
    log.start(140, 1000, said=10)
    session = log.session()
    assert (session["readings"], session["import_wh"], session["evse"]) == (2, 200, 1)
    assert log.quarters()["10:00"]["measured_wh"] == 200


def test_what_a_session_joined_in_the_middle_says_after_the_next_start_is_not_its_own(log: Log) -> None:
    log.meter(10, 5000, transaction=4711)
    log.start(100, 5100, transaction=7)
    log.meter(160, 5200, transaction=4711)
    lost, started = log.sessions()
    assert (lost["readings"], lost["state"], started["readings"]) == (1, "ended", 1)


def test_an_earlier_reading_shows_that_an_id_without_a_start_is_not_a_session_of_its_own(log: Log) -> None:
    log.meter(5000, 900, transaction=4711)
    log.stop(2460, 400, transaction=100)
    log.start(0, 100, transaction=100, said=0)
    assert [each["transaction_id"] for each in log.sessions()] == ["100", "4711"]
    log.meter(5001, 300, transaction=4711, said=60)
    session = log.session()
    assert (session["transaction_id"], session["readings"], session["import_wh"]) == ("100", 1, 300)


def test_the_quarters_of_a_session_without_a_start_follow_its_first_reading(log: Log) -> None:
    log.meter(2000, 300, transaction=4711)
    log.meter(2001, 100, transaction=4711, said=100)
    passed(log, 5000)
    for quarter in log.quarters().values():
        assert quarter["session_ids"] == ["default/CP1/4711/-"]


# -- missing stops


def test_the_next_start_on_its_connector_ends_a_session(log: Log) -> None:
    log.start(0, 1000, 7)
    log.meter(60, 1100, 7)
    log.start(600, 1500, 8)
    first, second = log.sessions()
    assert (first["state"], first["ended_at"], first["flags"]) == ("ended", ms(60), ["missing-stop"])
    assert (first["import_wh"], second["state"]) == (100, "open")


def test_on_another_connector_it_does_not(log: Log) -> None:
    log.start(0, 1000, 7)
    log.start(600, 1500, 8, connector=2)
    assert [each["state"] for each in log.sessions()] == ["open", "open"]


def test_its_stop_revises_it(log: Log) -> None:
    log.start(0, 1000, 7)
    log.start(600, 1500, 8)
    log.stop(610, 1400, 7, said=500)
    first, _ = log.sessions()
    assert (first["ended_at"], first["import_wh"], first["flags"]) == (ms(500), 400, [])


# -- zombies


def test_a_session_of_which_nothing_is_heard_for_a_day_is_a_zombie(log: Log) -> None:
    log.start(0, 1000)
    log.meter(60, 1100)
    passed(log, DAY + 50)
    assert log.session()["state"] == "open"
    passed(log, DAY + 120)
    session = log.session()
    assert (session["state"], session["ended_at"], session["import_wh"]) == ("zombie", ms(60), 100)
    assert session["flags"] == ["missing-stop", "zombie"]


def test_readings_that_were_not_published_count_for_the_timer(log: Log) -> None:
    log.start(0, 1000)
    log.meter(1, 1001)
    log.meter(50, 1050)
    passed(log, DAY + 30)
    assert log.session()["state"] == "open"
    passed(log, DAY + 60)
    assert log.session()["ended_at"] == ms(50)


def test_a_zombie_lives_again_when_it_is_heard(log: Log) -> None:
    log.start(0, 1000)
    passed(log, DAY + 60)
    assert log.session()["state"] == "zombie"
    log.meter(DAY + 70, 1500)
    assert (log.session()["state"], log.session()["flags"]) == ("open", [])
    log.stop(DAY + 100, 1600)
    assert (log.session()["state"], log.session()["import_wh"]) == ("ended", 600)


def test_a_zombie_is_revised_by_its_stop(log: Log) -> None:
    log.start(0, 1000)
    passed(log, DAY + 60)
    log.stop(DAY + 70, 1400, said=500)
    assert (log.session()["state"], log.session()["ended_at"], log.session()["flags"]) == ("ended", ms(500), [])


def test_late_readings_of_the_time_before_do_not_raise_a_zombie(log: Log) -> None:
    log.start(0, 1000)
    passed(log, DAY + 60)
    log.meter(DAY + 70, 1100, said=30)
    states = [each["state"] for each in log.all("sessions")]
    assert states == ["open", "zombie", "open", "zombie"], "heard of at 30, it has 24 hours from there"
    assert log.session()["ended_at"] == ms(30)


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
    passed(log, 905)
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


# -- signed data


def test_signed_data_is_kept_verbatim(log: Log) -> None:
    log.start(10, 1000)
    for at, context in ((10, "Transaction.Begin"), (130, "Transaction.End")):
        signed = {"value": f"OCMF|{at}", "format": "SignedData", "context": context}
        payload = {
            "connectorId": 1,
            "transactionId": 7,
            "meterValue": [{"timestamp": ts(at), "sampledValue": [signed]}],
        }
        log.call(at, "MeterValues", payload)
    log.stop(131, 1400)
    assert [(each["data"], each["context"], each["carrier"]) for each in log.session()["signed"]] == [
        ("OCMF|10", "Transaction.Begin", "value"),
        ("OCMF|130", "Transaction.End", "value"),
    ]


def test_both_ends_may_come_with_the_stop(log: Log) -> None:
    log.start(10, 1000)
    sampled = [{"value": name, "format": "SignedData", "context": f"Transaction.{name}"} for name in ("Begin", "End")]
    log.call(
        130,
        "StopTransaction",
        {
            "transactionId": 7,
            "meterStop": 1400,
            "timestamp": ts(130),
            "transactionData": [{"timestamp": ts(130), "sampledValue": sampled}],
        },
    )
    assert len(log.session()["signed"]) == 2
    assert log.session()["flags"] == []


def test_of_many_signed_readings_the_first_and_the_last_are_kept(log: Log) -> None:
    log.start(10, 1000)
    for at in range(20, 200, 10):
        signed = {"value": f"{at}", "format": "SignedData"}
        payload = {
            "connectorId": 1,
            "transactionId": 7,
            "meterValue": [{"timestamp": ts(at), "sampledValue": [signed]}],
        }
        log.call(at, "MeterValues", payload)
    log.stop(210, 1400)
    assert [each["data"] for each in log.session()["signed"]] == ["20", "30", "180", "190"]


def _signed(log: Log, at: float, transaction: int, context: str) -> None:
    sampled = [{"value": f"data of {at:g}", "format": "SignedData", "context": context}]
    payload = {"connectorId": 1, "transactionId": transaction, "meterValue": [_at(at, sampled)]}
    log.call(at, "MeterValues", payload)


def _at(at: float, sampled: list[dict[str, Any]]) -> dict[str, Any]:
    return {"timestamp": ts(at), "sampledValue": sampled}


@pytest.mark.parametrize("named", [7, 999])
def test_signed_data_counts_for_the_session_of_its_time_whatever_id_it_names(log: Log, named: int) -> None:
    for at in (0, 1000):
        log.start(at, 1000)
        _signed(log, at + 5, named, "Transaction.Begin")
        log.meter(at + 50, 1200, named)
        _signed(log, at + 95, named, "Transaction.End")
        log.stop(at + 100, 1400)
    first, second = log.sessions()
    assert [each["data"] for each in first["signed"]] == ["data of 5", "data of 95"]
    assert [each["data"] for each in second["signed"]] == ["data of 1005", "data of 1095"]
    assert first["flags"] == second["flags"] == []


def test_signed_data_goes_with_its_session(log: Log) -> None:
    for number in range(60):
        at = 100 * number
        log.start(at, 1000, number + 1)
        _signed(log, at + 5, 5000 + number, "Transaction.Begin")
        log.stop(at + 60, 1400, number + 1)
    book = decode(b"b/", log.states[b"b/default/CP1"])
    assert isinstance(book, Books)
    assert len(book.facts.signed) <= 17


# -- bounds


def test_a_start_repeated_for_ever_does_not_fill_the_state(log: Log) -> None:
    for number in range(300):
        log.start(10 + number, 1000, said=10)
    log.start(400, 1000, None, said=10)
    log.stop(500, 1400)
    assert (log.session()["import_wh"], log.session()["started_at"]) == (400, ms(10))
    assert len(log.states[b"b/default/CP1"]) < 1000


def test_nor_does_one_that_is_never_answered(log: Log) -> None:
    for number in range(300):
        log.start(10 + number, 1000, None, said=10)
    assert len(log.states[b"b/default/CP1"]) < 1000
    log.answer_start(320, 7)
    log.stop(500, 1400)
    assert (log.session()["transaction_id"], log.session()["import_wh"]) == ("7", 400)


def test_a_retry_with_another_answer_is_kept(log: Log) -> None:
    log.start(10, 1000, 7, said=10)
    log.start(20, 1000, 8, said=10)
    log.meter(30, 1100, 8)
    log.meter(40, 1200, 7)
    log.stop(50, 1300, 8)
    assert (log.session()["transaction_id"], log.session()["readings"]) == ("7", 2)


def test_a_session_without_a_start_moves_at_most_once_a_minute(log: Log) -> None:
    for number in range(100):
        log.meter(5000 + number, 2000 - number, 4711, said=1000 - number)
    assert len(log.session()["supersedes"]) <= 2
    log.stop(5200, 2100, 4711)
    assert (log.session()["started_at"], log.session()["point_at"]) == (ms(901), ms(901))
    assert len(log.session()["supersedes"]) <= 3


# -- the horizon


def test_the_seventeenth_session_makes_the_first_final(log: Log) -> None:
    for number in range(17):
        log.start(100 * number, 1000 * number, 50 + number)
        log.stop(100 * number + 60, 1000 * number + 500, 50 + number)
    final = [each for each in log.all("sessions") if each["final"]]
    assert [(each["transaction_id"], each["import_wh"]) for each in final] == [("50", 500)]
    assert b"s/default/CP1/50/" + ms(0).encode() not in log.states
    assert len([key for key in log.states if key.startswith(b"s/")]) == 16


def test_forgetting_a_session_changes_no_other(log: Log) -> None:
    for number in range(20):
        log.start(100 * number, 1000 * number, 7)  # an id that comes back
        log.meter(100 * number + 30, 1000 * number + 200, 4711)  # another backend's
        log.stop(100 * number + 60, 1000 * number + 500, 7)
    log.start(2000, 20_000, 8)
    sessions = log.sessions()
    assert [each["import_wh"] for each in sessions[:20]] == [500] * 20
    assert [each["readings"] for each in sessions[:20]] == [1] * 20
    assert len(sessions) == 21
    assert voids(log) == []


def test_zombies_are_forgotten_too(log: Log) -> None:
    for number in range(18):
        log.meter(10 + number, 5000, 4711 + number)  # starts that nobody saw
    passed(log, 2 * DAY)
    log.start(2 * DAY + 10, 0, 7)
    assert len([each for each in log.all("sessions") if each["final"]]) == 2


def test_a_reading_beyond_the_horizon_is_late(log: Log) -> None:
    log.start(-5 * DAY, 0)
    for quarter in range(100):
        log.meter(-5 * DAY + 900 * quarter + 60, 100 * quarter)
    log.meter(0, 99_999, said=-5 * DAY + 30)
    session = log.session()
    assert "late" in session["flags"]
    assert session["import_wh"] == 9900
    letters = log.all("dlq")
    assert [(each["part"], each["name"], each["code"]) for each in letters] == [("streams", "messages", "late")]


def test_what_fell_out_still_counts_for_its_session(log: Log) -> None:
    log.start(0, 0)
    for quarter in range(120):
        log.meter(900 * quarter + 60, 100 * quarter, Power_Active_Import=5000 if quarter == 3 else 400)
    log.stop(900 * 120, 12_000)
    session = log.session()
    assert (session["readings"], session["power_peak_w"], session["import_wh"]) == (120, 5000, 12_000)
    assert session["flags"] == []


def test_a_stop_and_its_register_are_never_late(log: Log) -> None:
    log.start(0, 0)
    for quarter in range(120):
        log.meter(900 * quarter + 60, 100 * quarter, transaction=None)
    log.stop(900 * 120, 400, said=500)
    assert (log.session()["import_wh"], log.session()["flags"]) == (400, [])
    assert log.all("dlq") == []


def test_data_that_repeats_what_fell_out_is_not_late(log: Log) -> None:
    log.start(0, 0)
    data = {900.0 * quarter + 60: 100.0 * quarter for quarter in range(120)}
    for at, wh in data.items():
        log.meter(at, wh)
    log.stop(900 * 120, 12_000, data=data)
    assert log.session()["flags"] == []
    assert log.all("dlq") == []


def test_a_quarter_that_falls_out_is_published_once_more_as_final(log: Log) -> None:
    log.start(0, 0)
    for quarter in range(98):
        log.meter(900 * quarter + 60, 100 * quarter)
    final = [each for each in log.all("energy") if each["final"]]
    assert [each["start"] for each in final] == [ms(0), ms(900)]
    assert final[0]["session_ids"] == [log.session()["session_id"]]
    assert (final[0]["import_wh"], final[0]["readings"]) == (93.333, 1)
    log.meter(900 * 98, 9_850, said=120)
    log.meter(900 * 98, 5, said=130, transaction=None)
    assert [each["start"] for each in log.all("energy") if each["start"] == ms(0)][-1] == ms(0)
    assert log.latest("energy")[f"default/CP1/1/evse/{ms(0)}"]["final"]


# -- several at once


def test_two_connectors_do_not_mix(log: Log) -> None:
    log.start(0, 1000, 7, connector=1, tag="anna")
    log.start(5, 9000, 8, connector=2, tag="bert")
    for minute in range(1, 4):
        log.meter(60 * minute, 1000 + 10 * minute, 7, connector=1)
        log.meter(60 * minute, 9000 + 20 * minute, 8, connector=2)
    log.stop(200, 1040, 7)
    log.stop(210, 9090, 8)
    passed(log, 905)
    assert [(each["evse"], each["import_wh"]) for each in log.sessions()] == [(1, 40), (2, 90)]
    assert log.quarters(1)["10:00"]["import_wh"] == 40
    assert log.quarters(2)["10:00"]["import_wh"] == 90


def test_two_stations_do_not_mix(log: Log) -> None:
    log.connect(0, "C2", name="CP2")
    log.start(0, 1000, 7)
    log.start(0, 9000, 7, conn="C2", name="CP2")
    log.stop(200, 1040, 7)
    assert [(each["station"], each["state"]) for each in log.sessions()] == [
        ("default/CP1", "ended"),
        ("default/CP2", "open"),
    ]


def test_a_start_on_connector_0_is_a_session_without_a_meter(log: Log) -> None:
    log.start(10, 1000, connector=0)
    log.stop(100, 1400)
    session = log.session()
    assert (session["evse"], session["connector"], session["import_wh"]) == (0, 0, 400)
    assert log.quarters(0) == {}


def test_a_register_that_no_sum_can_hold_is_none(log: Log) -> None:
    payload = {"connectorId": 1, "idTag": "TAG", "meterStart": "-1e308", "timestamp": ts(0)}
    log.call(0, "StartTransaction", payload)
    log.answer_start(0, 7)
    log.call(600, "StopTransaction", {"transactionId": 7, "meterStop": "1e308", "timestamp": ts(600)})
    session = log.session()
    assert session["method"] == "none"
    assert not {"import_wh", "meter_start_wh", "meter_stop_wh"} & session.keys()


def test_strange_payloads_are_no_trouble(log: Log) -> None:
    for payload in ({}, {"connectorId": "x"}, {"connectorId": 1, "idTag": 5, "meterStart": "7", "timestamp": 9}):
        log.call(1, "StartTransaction", payload)
        log.reply(1, "StartTransaction", {"transactionId": "x", "idTagInfo": []})
        log.call(1, "StopTransaction", payload)
        log.call(1, "MeterValues", payload | {"meterValue": [meter_value(1, 5)]})
    assert log.all("dlq") == []

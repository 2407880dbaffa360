"""Which messages of OCPP 1.6 are one transaction: retries, and the ids that stations make up."""

import pytest

from list_log import Log, ms

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
    (void,) = log.voids()
    assert (void["transaction_id"], void["superseded_by"]) == ("?", log.session()["session_id"])
    assert "point_at" not in void, "the session stands there"


def test_a_stop_retried_with_its_data_counts_once(log: Log) -> None:
    log.start(10, 1000)
    log.meter(70, 1100)
    for at in (130, 160):
        log.stop(at, 1200, said=130, data={70: 1100, 100: 1150})
    session = log.session()
    assert (session["import_wh"], session["readings"], session["ended_at"]) == (200, 2, ms(130))
    assert len(log.voids()) == 0


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

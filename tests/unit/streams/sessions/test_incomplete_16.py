"""OCPP 1.6 sessions without their start or their stop, and those of which nothing is heard any more."""

from list_log import Log, ms

DAY = 24 * 3600


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
    (void,) = log.voids()
    assert (void["session_id"], void["superseded_by"]) == ("default/CP1/7/-", session["session_id"])
    assert (void["import_wh"], void["point_at"]) == (0, ms(70))


def test_a_start_of_another_id_takes_what_it_covers(log: Log) -> None:
    log.meter(70, 1100, transaction=4711)
    log.start(80, 1000, transaction=7, said=10)
    session = log.session()
    assert (session["transaction_id"], session["readings"]) == ("7", 1)
    (void,) = log.voids()
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
    log.passes(5000)
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
    log.passes(DAY + 50)
    assert log.session()["state"] == "open"
    log.passes(DAY + 120)
    session = log.session()
    assert (session["state"], session["ended_at"], session["import_wh"]) == ("zombie", ms(60), 100)
    assert session["flags"] == ["missing-stop", "zombie"]


def test_readings_that_were_not_published_count_for_the_timer(log: Log) -> None:
    log.start(0, 1000)
    log.meter(1, 1001)
    log.meter(50, 1050)
    log.passes(DAY + 30)
    assert log.session()["state"] == "open"
    log.passes(DAY + 60)
    assert log.session()["ended_at"] == ms(50)


def test_a_zombie_lives_again_when_it_is_heard(log: Log) -> None:
    log.start(0, 1000)
    log.passes(DAY + 60)
    assert log.session()["state"] == "zombie"
    log.meter(DAY + 70, 1500)
    assert (log.session()["state"], log.session()["flags"]) == ("open", [])
    log.stop(DAY + 100, 1600)
    assert (log.session()["state"], log.session()["import_wh"]) == ("ended", 600)


def test_a_zombie_is_revised_by_its_stop(log: Log) -> None:
    log.start(0, 1000)
    log.passes(DAY + 60)
    log.stop(DAY + 70, 1400, said=500)
    assert (log.session()["state"], log.session()["ended_at"], log.session()["flags"]) == ("ended", ms(500), [])


def test_late_readings_of_the_time_before_do_not_raise_a_zombie(log: Log) -> None:
    log.start(0, 1000)
    log.passes(DAY + 60)
    log.meter(DAY + 70, 1100, said=30)
    states = [each["state"] for each in log.all("sessions")]
    assert states == ["open", "zombie", "open", "zombie"], "heard of at 30, it has 24 hours from there"
    assert log.session()["ended_at"] == ms(30)

"""What a station may fill the state with, and what is forgotten."""

from list_log import Log, ms

DAY = 24 * 3600


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
    assert log.voids() == []


def test_zombies_are_forgotten_too(log: Log) -> None:
    for number in range(18):
        log.meter(10 + number, 5000, 4711 + number)  # starts that nobody saw
    log.passes(2 * DAY)
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

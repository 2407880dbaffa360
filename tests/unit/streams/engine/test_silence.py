"""For how long Kafka has owed an answer."""

from streams.engine.silence import LONGEST_LOOK_S, Silence


def test_it_is_silent_from_its_last_answer_on() -> None:
    silence = Silence()
    assert [silence.look(now, 0.5) for now in (1.0, 2.0, 3.5)] == [0.0, 1.0, 2.5]


def test_an_answer_ends_it() -> None:
    silence = Silence()
    silence.look(1.0, 0.5)
    assert silence.look(2.0, 0.5) == 1.0
    assert silence.look(3.0, 2.9) == 0.0
    assert silence.look(4.0, 2.9) == 1.0


def test_where_no_answer_is_waited_for_there_is_no_silence() -> None:
    silence = Silence()
    assert [silence.look(now, None) for now in (1.0, 60.0)] == [0.0, 0.0]
    assert [silence.look(now, 0.5) for now in (61.0, 62.0)] == [0.0, 1.0], "counted from when it was asked"


def test_a_process_that_was_stopped_did_not_hear_the_answers() -> None:
    silence = Silence()
    silence.look(1.0, 0.5)
    assert silence.look(601.0, 0.5) == LONGEST_LOOK_S
    assert silence.look(602.0, 601.5) == 0.0

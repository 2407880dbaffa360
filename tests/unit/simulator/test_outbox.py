"""What a station sends, in which order, and what becomes of it without an answer."""

from simulator.outbox import Deafness, Kind, Message, Outbox


def message(action: str, kind: Kind = Kind.PLAIN, **options: object) -> Message:
    return Message(action, {}, kind, **options)  # type: ignore[arg-type]


def send(outbox: Outbox, now_us: int = 0, real_s: float = 0.0, *, registered: bool = True) -> str | None:
    """Send the next message, if any; its action."""
    found = outbox.next(now_us, real_s, registered=registered)
    if found is None:
        return None
    outbox.sending(found, real_s)
    return found.action


def test_one_call_at_a_time_in_order() -> None:
    outbox = Outbox(3, 1.0)
    outbox.add(message("A"))
    outbox.add(message("B", Kind.TRANSACTION))
    assert send(outbox) == "A"
    assert send(outbox) is None
    assert outbox.take_answer() is not None
    assert send(outbox) == "B"
    assert outbox.waiting_transactions == 1
    assert len(outbox) == 1


def test_a_boot_comes_first_and_alone() -> None:
    outbox = Outbox(3, 1.0)
    outbox.add(message("StatusNotification"))
    assert send(outbox, registered=False) is None
    outbox.add(message("BootNotification", Kind.BOOT))
    assert send(outbox, registered=False) == "BootNotification"


def test_a_disconnect_keeps_what_must_arrive_and_costs_no_attempt() -> None:
    outbox = Outbox(1, 1.0)
    for action, kind in (("T1", Kind.TRANSACTION), ("P", Kind.PLAIN), ("E", Kind.EVENT), ("T2", Kind.TRANSACTION)):
        outbox.add(message(action, kind))
    for _ in range(5):
        assert send(outbox) == "T1"
        outbox.disconnected()
    sent = []
    while (left := send(outbox)) is not None:
        sent.append(left)
        outbox.take_answer()
    assert sent == ["T1", "E", "T2"]


def test_a_status_in_flight_is_forgotten_with_its_connection() -> None:
    outbox = Outbox(3, 1.0)
    outbox.add(message("StatusNotification"))
    assert send(outbox) == "StatusNotification"
    outbox.disconnected()
    assert send(outbox) is None


def test_a_transaction_message_is_tried_three_times_with_growing_pauses() -> None:
    given_up = []
    outbox = Outbox(3, 5.0)
    outbox.add(message("StartTransaction", Kind.TRANSACTION, given_up=lambda: given_up.append(True)))
    assert send(outbox, real_s=0.0) == "StartTransaction"
    assert not outbox.timed_out(29.0, 30.0)
    assert outbox.timed_out(30.0, 30.0)
    assert not outbox.failed(30.0)
    assert send(outbox, real_s=34.0) is None
    assert send(outbox, real_s=35.0) == "StartTransaction"
    assert not outbox.failed(65.0)
    assert send(outbox, real_s=74.0) is None
    assert send(outbox, real_s=75.0) == "StartTransaction"
    assert outbox.failed(105.0)
    assert given_up == [True]
    assert len(outbox) == 0


def test_a_status_is_never_tried_again() -> None:
    outbox = Outbox(3, 5.0)
    outbox.add(message("StatusNotification"))
    send(outbox)
    assert outbox.failed(30.0)
    assert send(outbox, real_s=1000.0) is None


def test_a_deaf_station_sends_the_same_again_with_the_same_id() -> None:
    outbox = Outbox(3, 5.0)
    start = message("StartTransaction", Kind.TRANSACTION, deafness=Deafness(1, 20, new_id=False))
    start.unique_id = "7"
    outbox.add(start)
    send(outbox)
    assert outbox.is_deaf_to(start)
    assert outbox.take_answer() is start
    outbox.unheard(start, now_us=100)
    assert send(outbox, now_us=119) is None
    assert send(outbox, now_us=120) == "StartTransaction"
    assert start.unique_id == "7"
    assert not outbox.is_deaf_to(start)


def test_a_station_that_hears_nothing_gives_up() -> None:
    given_up = []
    outbox = Outbox(3, 5.0)
    start = message(
        "StartTransaction",
        Kind.TRANSACTION,
        deafness=Deafness(2, 20, new_id=True, gives_up=True),
        given_up=lambda: given_up.append(True),
    )
    outbox.add(start)
    for now_us in (0, 100):
        start.unique_id = "x"
        assert send(outbox, now_us) == "StartTransaction"
        outbox.take_answer()
        outbox.unheard(start, now_us)
    assert given_up == [True]
    assert send(outbox, now_us=1000) is None


def test_in_a_hurry_nothing_waits() -> None:
    outbox = Outbox(3, 5.0)
    outbox.add(message("T", Kind.TRANSACTION))
    send(outbox)
    outbox.failed(0.0)
    assert send(outbox, real_s=1.0) is None
    outbox.hurry()
    assert send(outbox, real_s=1.0) == "T"

"""The unique ids of a station's messages: as different as vendors are. Pure."""

from random import Random

from simulator.plan import IdStyle


def message_id(style: IdStyle, rng: Random, identity: str, number: int) -> str:
    """The id of the station's CALL of this number."""
    match style:
        case "counter":  # begins anew with each process, as many stations' do
            return str(number)
        case "digits":
            return str(rng.randrange(10**21, 10**22))
        case "colon":
            return f"{identity}:{number}"
        case "uuid":
            return uuid_like(rng)


def uuid_like(rng: Random) -> str:
    """36 characters that look like a UUID and come from the seed."""
    digits = f"{rng.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

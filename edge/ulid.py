"""ULIDs: 26 characters that sort by the time they were made (48 bits of milliseconds, 80 random bits). Pure."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U


def ulid(now_ms: int, randomness: bytes) -> str:
    """The ULID of this moment; `randomness`: ten bytes."""
    number = (now_ms << 80) | int.from_bytes(randomness, "big")
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))

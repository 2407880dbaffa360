"""What a handler is asked: one CALL whose payload is fit to be answered."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from contracts.times import rfc3339_ms
from edge.policy import Policy
from edge.transaction_ids import TransactionIds


class Asked(msgspec.Struct, frozen=True):
    """`payload` has been accepted, with its quirks. Of a transaction message it may be anything: it is answered too."""

    payload: dict[str, object]
    now_us: int
    policy: Policy
    transactions: TransactionIds

    @property
    def time(self) -> str:
        """Now, as replies say it: in UTC with Z and three decimals, which every charger's parser was seen to read."""
        return rfc3339_ms(self.now_us)


Handler: TypeAlias = Callable[[Asked], bytes]
Answer: TypeAlias = bytes | Handler  # a constant payload, or a function that makes one

EMPTY = b"{}"

encode = msgspec.json.encode

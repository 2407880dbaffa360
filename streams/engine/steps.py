"""Work that goes step by step, so that whoever runs it may do something else in between. Pure.

A generator that yields after every step and returns the result: what computes stays a plain function of its arguments,
and the shell around it (streams/engine/slices.py) decides when the event loop turns.
"""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that comes to a T."""


def finish(steps: Steps[T]) -> T:
    """Take all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result

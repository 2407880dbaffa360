"""A control: each owner of a partition writes under a transactional id of its own, so nobody is ever fenced."""

import os

from counting.worker import main
from streams.engine import partition, writing
from streams.engine.settings import EngineSettings


class UnfencedWriter(writing.TransactionalWriter):
    def __init__(self, settings: EngineSettings, transactional_id: str) -> None:
        super().__init__(settings, f"{transactional_id}-{os.urandom(6).hex()}")


if __name__ == "__main__":
    vars(partition)["TransactionalWriter"] = UnfencedWriter
    main()

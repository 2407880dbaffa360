"""A control: the state does not say where to read on; the group's committed offset does, as in stock Faust."""

from aiokafka import AIOKafkaConsumer

from counting.worker import main
from streams.engine import faust_consumer, partition


class ForgetfulPartition(partition.OwnedPartition):
    async def open(self) -> None:
        await super().open()
        settings = self._settings
        consumer = AIOKafkaConsumer(**settings.client, group_id=settings.group, enable_auto_commit=False)
        await consumer.start()
        consumer.assign([self.source])
        committed = await consumer.committed(self.source)
        await consumer.stop()
        self.next_offset = committed or 0


if __name__ == "__main__":
    vars(faust_consumer)["OwnedPartition"] = ForgetfulPartition
    main()

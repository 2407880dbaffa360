"""The Faust app around the agents."""

import logging
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Any, cast

from streams.engine.agent import Agent
from streams.engine.faust_consumer import App, Consumer, Reports, Transport, faust_log
from streams.engine.observer import Observer, PartitionView
from streams.engine.settings import EngineSettings


class FaustWorker:
    """One Faust agent for each of ours. Built inside the running event loop."""

    def __init__(self, agents: Sequence[Agent], settings: EngineSettings, observer: Observer, reports: Reports) -> None:
        if len({agent.name for agent in agents}) < len(agents) or len({agent.source for agent in agents}) < len(agents):
            raise ValueError("two agents with one name, or one source")
        debug = logging.getLogger(__name__).isEnabledFor(logging.DEBUG)
        faust_log.setLevel(logging.NOTSET if debug else logging.CRITICAL)  # what matters is said once, by the engine
        self._app = App(
            settings.group,
            broker=";".join(f"kafka://{server}" for server in _servers(settings)),
            # What Faust would otherwise take from the environment, where it matters:
            processing_guarantee="at_least_once",
            stream_wait_empty=True,
            stream_recovery_delay=0.0,
            store="memory://",
            key_serializer="raw",
            value_serializer="raw",
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            broker_commit_interval=settings.commit_interval_s,
        )
        self._app.transport = Transport(self._app, agents, settings, observer, reports)
        for agent in agents:
            topic = self._app.topic(agent.source, key_type=None, value_type=None)
            self._app.agent(topic, name=f"{settings.group}-{agent.name}")(self._hand_over)

    async def run(self) -> None:
        """Returns when the app has stopped; raises what it crashed of."""
        await self._app.start()
        await self._app.wait_until_stopped()
        if self._app.crash_reason is not None:
            raise self._app.crash_reason

    async def stop(self) -> None:
        """Finish what is in progress if that is quick, and leave the group. May hang."""
        await self._app.stop()

    async def leave_group(self) -> None:
        """Leave the group whatever else is going on, so that its partitions are not idle until the session expires."""
        await self._consumer.leave_group()

    def partitions(self) -> list[PartitionView]:
        """Where every owned partition stands."""
        return self._consumer.views()

    def answered_at(self) -> float | None:
        """When Kafka last answered a fetch; None where no answer is waited for, and before the group is joined."""
        return self._consumer.answered_at() if self._consumer.started else None

    @property
    def _consumer(self) -> Consumer:
        return cast("Consumer", self._app.consumer)

    async def _hand_over(self, stream: Any) -> None:
        """The Faust agent: one event a batch. Partitions run beside each other, so it does not wait."""
        events: AsyncIterable[Any] = stream.noack().events()
        async for event in events:
            self._consumer.begin(event.message)


def _servers(settings: EngineSettings) -> list[str]:
    servers = settings.client["bootstrap_servers"]
    return servers.split(",") if isinstance(servers, str) else list(cast("Iterable[str]", servers))

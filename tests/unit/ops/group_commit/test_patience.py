import asyncio

import pytest

from ops.group_commit.patience import Patience


async def test_what_is_done_in_time_is_left_alone() -> None:
    with Patience(10):
        assert await asyncio.sleep(0.01, "done") == "done"
    await asyncio.sleep(0)


async def test_what_takes_too_long_is_a_timeout_and_the_task_goes_on() -> None:
    with pytest.raises(TimeoutError), Patience(0.02):
        await asyncio.sleep(10)
    await asyncio.sleep(0.01)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def patient() -> None:
        with Patience(10):
            await asyncio.sleep(10)

    task = asyncio.create_task(patient())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_both_at_once_are_a_cancellation() -> None:
    async def patient() -> None:
        with Patience(0.02):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                task.cancel()
                raise

    task = asyncio.create_task(patient())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_another_error_passes_through() -> None:
    with pytest.raises(LookupError), Patience(10):
        raise LookupError


async def test_an_answer_that_comes_with_the_timeout_is_not_lost_silently() -> None:
    """The timer fires when the answer is there but not seen yet: a timeout all the same, and nothing stays behind."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    async def impatient() -> None:
        with Patience(10) as patience:
            loop.call_soon(answer.set_result, "there")
            loop.call_soon(patience._expire)
            await answer

    with pytest.raises(TimeoutError):
        await impatient()
    await asyncio.sleep(0)
    assert answer.result() == "there"

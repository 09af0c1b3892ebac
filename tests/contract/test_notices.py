"""What every way of carrying notices promises."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from tests.contract.redis_server import RedisServer

from opentranscribe.adapters.notices.memory import MemoryNotices
from opentranscribe.adapters.notices.postgres import PostgresNotices
from opentranscribe.adapters.notices.redis import RedisNotices
from opentranscribe.ports.notices import Notice, Notices

READY = "are_you_there"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", "postgres", "redis"])
def notices(request: pytest.FixtureRequest) -> Notices:
    if request.param == "memory":
        return MemoryNotices()
    if request.param == "redis":
        return RedisNotices(request.getfixturevalue("server").address)
    return PostgresNotices(request.getfixturevalue("engine"))


class Listener:
    """Collects in the background; ``start`` returns once something was really heard."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self.heard: list[Notice] = []
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.task = asyncio.create_task(self._listen(self._notices.subscribe()))
        await self.until_ready()

    async def until_ready(self) -> None:
        self.heard.clear()
        async with asyncio.timeout(15):
            while not self.heard:
                await asyncio.to_thread(self._notices.publish, Notice(READY))
                await asyncio.to_thread(time.sleep, 0.05)
        await asyncio.sleep(0.2)
        self.heard.clear()

    async def expect(self, count: int) -> list[Notice]:
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                await asyncio.to_thread(time.sleep, 0.02)
        return self.heard

    async def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _listen(self, stream: AsyncIterator[Notice]) -> None:
        async for notice in stream:
            self.heard.append(notice)


def run(notices: Notices, scenario: Any) -> None:
    async def play() -> None:
        listener = Listener(notices)
        await listener.start()
        try:
            await scenario(listener)
        finally:
            await listener.stop()

    asyncio.run(play())


class TestNotices:
    def test_arrive_in_order_with_all_they_say(self, notices: Notices) -> None:
        sent = [
            Notice("file_updated", {"n": n, "text": "é\u2028<&>"}, user_id=n) for n in range(20)
        ]

        async def scenario(listener: Listener) -> None:
            for notice in sent:
                await asyncio.to_thread(notices.publish, notice)
            assert await listener.expect(20) == sent

        run(notices, scenario)

    def test_reach_every_listener(self, notices: Notices) -> None:
        async def scenario(listener: Listener) -> None:
            second = Listener(notices)
            await second.start()
            await asyncio.sleep(0.2)
            listener.heard.clear()
            await asyncio.to_thread(notices.publish, Notice("x", user_id=None))
            assert await second.expect(1) == await listener.expect(1)
            await second.stop()

        run(notices, scenario)

    def test_nobody_listening_is_no_error(self, notices: Notices) -> None:
        notices.publish(Notice("x"))

    @pytest.mark.parametrize("data", [{"x": object()}, {"x": "y" * 9000}, {"x": float("nan")}])
    def test_publishing_never_raises(self, notices: Notices, data: dict[str, Any]) -> None:
        notices.publish(Notice("x", data))


class TestPostgresNotices:
    def test_come_from_other_processes(self, engine: Engine, database_url: str) -> None:
        other = create_engine(database_url)

        async def scenario(listener: Listener) -> None:
            await asyncio.to_thread(PostgresNotices(other).publish, Notice("x", {"a": 1}, 5))
            assert await listener.expect(1) == [Notice("x", {"a": 1}, 5)]

        run(PostgresNotices(engine), scenario)
        other.dispose()

    def test_go_on_after_the_connection_is_cut(self, engine: Engine) -> None:
        async def scenario(listener: Listener) -> None:
            with engine.connect() as connection:
                cut = text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'opentr notices'"
                )
                assert connection.execute(cut).scalars().all()
            await listener.until_ready()

        run(PostgresNotices(engine), scenario)

    def test_what_others_say_on_the_channel_does_not_end_it(self, engine: Engine) -> None:
        async def scenario(listener: Listener) -> None:
            with engine.begin() as connection:
                for said in ("nonsense", "[]", '{"type": 1}', ""):
                    connection.execute(text("SELECT pg_notify('opentr_notices', :s)"), {"s": said})
            await asyncio.to_thread(listener._notices.publish, Notice("after"))
            assert [one.type for one in await listener.expect(1)] == ["after"]

        run(PostgresNotices(engine), scenario)

    def test_a_database_that_is_away_is_no_error(self) -> None:
        PostgresNotices(create_engine("postgresql+psycopg://x@127.0.0.1:1/x")).publish(Notice("x"))


class TestRedisNotices:
    def test_go_on_after_the_server_was_away(self, server: RedisServer) -> None:
        notices = RedisNotices(server.address)

        async def scenario(listener: Listener) -> None:
            server.kill()
            await asyncio.to_thread(notices.publish, Notice("lost"))
            server.start()
            await listener.until_ready()
            await asyncio.to_thread(notices.publish, Notice("heard", user_id=3))
            assert await listener.expect(1) == [Notice("heard", user_id=3)]

        run(notices, scenario)

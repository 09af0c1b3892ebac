"""Notices between processes on many machines by Redis or Valkey."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from opentranscribe.adapters.notices.wire import from_text, to_text
from opentranscribe.kit.silence import Silence
from opentranscribe.ports.notices import Notice

log = logging.getLogger(__name__)

CHANNEL = "opentranscribe:notices"
#: As much as PostgreSQL would carry, so that a notice that fits one engine fits every one.
LIMIT_BYTES = 7900
SEND_SECONDS = 1.0
#: A listener that hears nothing asks the server if it is still there.
QUIET_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 5.0


class RedisNotices:
    """``address`` is that of the server, ``redis://:password@host:port/0``."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._silence = Silence(self._answers)
        self._redis = redis.Redis.from_url(
            address,
            socket_timeout=SEND_SECONDS,
            socket_connect_timeout=SEND_SECONDS,
            # The library would try ten times while somebody waits; losing a notice is harmless.
            retry=Retry(NoBackoff(), 0),
        )

    def publish(self, notice: Notice) -> None:
        payload = to_text(notice, LIMIT_BYTES)
        if payload is None or self._silence.is_kept():
            return
        try:
            self._redis.publish(CHANNEL, payload)
        except redis.RedisError as error:
            if isinstance(error, redis.TimeoutError):
                self._silence.begin()
            log.warning("notice %s was not sent: %s", notice.type, error)

    def _answers(self) -> bool:
        try:
            self._redis.ping()
        except redis.RedisError:
            return False
        return True

    async def subscribe(self) -> AsyncIterator[Notice]:
        pause = 0.1
        while True:
            try:
                async for payload in self._hear():
                    pause = 0.1
                    notice = from_text(payload)
                    if notice is not None:
                        yield notice
            except (redis.RedisError, OSError, TimeoutError) as error:
                log.warning("not listening for notices, trying again: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _hear(self) -> AsyncIterator[bytes]:
        async with (
            AsyncRedis.from_url(
                self._address, socket_connect_timeout=5, health_check_interval=QUIET_SECONDS
            ) as connection,
            connection.pubsub(ignore_subscribe_messages=True) as channel,
        ):
            await channel.subscribe(CHANNEL)
            while True:
                message = await channel.get_message(timeout=QUIET_SECONDS)
                if message is not None:
                    yield message["data"]
                else:
                    async with asyncio.timeout(5):
                        await connection.ping()

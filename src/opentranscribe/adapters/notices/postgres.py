"""Notices between processes by PostgreSQL LISTEN and NOTIFY."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.adapters.notices.wire import from_text, to_text
from opentranscribe.ports.notices import Notice

log = logging.getLogger(__name__)

CHANNEL = "opentr_notices"
#: PostgreSQL refuses payloads of 8000 bytes.
LIMIT_BYTES = 7900
#: A listener that hears nothing asks the server if it is still there.
QUIET_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 5.0


class PostgresNotices:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def publish(self, notice: Notice) -> None:
        payload = to_text(notice, LIMIT_BYTES)
        if payload is None:
            return
        try:
            with self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                connection.execute(
                    text("SELECT pg_notify(:channel, :payload)"),
                    {"channel": CHANNEL, "payload": payload},
                )
        except SQLAlchemyError as error:
            log.warning("notice %s was not sent: %s", notice.type, error)

    async def subscribe(self) -> AsyncIterator[Notice]:
        pause = 0.1
        while True:
            try:
                async with await self._listen() as connection:
                    pause = 0.1
                    async for payload in _payloads(connection):
                        notice = from_text(payload)
                        if notice is not None:
                            yield notice
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("not listening for notices, trying again: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _listen(self) -> psycopg.AsyncConnection[Any]:
        _, arguments = self._engine.dialect.create_connect_args(self._engine.url)
        connection = await psycopg.AsyncConnection.connect(
            **{**arguments, "connect_timeout": 5, "application_name": "opentr notices"},
            autocommit=True,
        )
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        return connection


async def _payloads(connection: psycopg.AsyncConnection[Any]) -> AsyncIterator[str]:
    while True:
        async for heard in connection.notifies(timeout=QUIET_SECONDS):
            yield heard.payload
        async with asyncio.timeout(5):
            await connection.execute("SELECT 1")

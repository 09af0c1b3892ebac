"""A rebuild: a new generation beside the one that answers, which changes reach, too; then the
place of the old one, in one step. The old one is kept until the next."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.adapters.search.opensearch import generations
from opentranscribe.adapters.search.opensearch.carrying import LOCK, NOTE_ALL, Carrier
from opentranscribe.adapters.search.opensearch.generations import Generation
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.progress import Cancelled

log = logging.getLogger(__name__)

FILES_READ_AT_ONCE = 5000
#: How soon it is looked whether more was indexed.
IDLE_SECONDS = 0.1
#: Rounds of carrying after which a rebuild that lacks recordings is given up.
ROUNDS = 1000


@contextmanager
def new_generation(engine: Engine, server: Server, carrier: Carrier) -> Iterator[set[int]]:
    """Whatever is written inside goes to the new generation as well. Yields the files that one
    which was cut off has brought there already: that one is taken up again.

    Raises UnavailableError, also before anything was done where the server lacks room. The old one
    goes on answering then, as after any error; one that can be taken up stays for the next attempt.
    """
    carrier.ensure_generation()
    made, done = _begin(engine, server, carrier.prefix)
    try:
        with _carrying(carrier):
            yield done
        _complete(engine, server, carrier, made)
    except (UnavailableError, Cancelled):
        raise
    except BaseException:
        with engine.begin() as connection:
            generations.drop(server, connection, made)
        raise


@contextmanager
def _carrying(carrier: Carrier) -> Iterator[None]:
    """What is noted goes to the server while more is indexed."""
    ended = Event()

    def carry() -> None:
        while not ended.is_set():
            try:
                carried = carrier.catch_up()
            except (UnavailableError, SQLAlchemyError) as error:
                log.warning("the search server is brought up to date later: %s", error)
                carried = 0
            if not carried:
                ended.wait(IDLE_SECONDS)

    thread = Thread(target=carry, name="search-rebuild", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _begin(engine: Engine, server: Server, prefix: str) -> tuple[Generation, set[int]]:
    with engine.begin() as connection:
        connection.execute(text(LOCK))
        known = generations.read_generations(connection, prefix)
        for one in known:
            if one.state == "building" and generations.is_ours(server, one):
                server.refresh(one.files)
                done = _files_on(server, one)
                log.info("generation %s is taken up again, with %s files", one.name, len(done))
                return one, done
        for one in known:
            if one.state == "building":
                generations.drop(server, connection, one)
        _require_room(server, [one for one in known if one.state == "live"])
        return generations.make_generation(server, connection, prefix, "building"), set()


def _require_room(server: Server, live: list[Generation]) -> None:
    """A second index beside the one that answers, and as much again for merging its parts.
    Raises UnavailableError."""
    indexes = [name for one in live for name in (one.files, one.chunks)]
    needed = 2 * server.size_of(indexes) if indexes else 0
    free = server.free_bytes()
    if free < needed:
        raise UnavailableError(
            f"A new index needs {needed / 1e9:.1f} GB beside the old one while it is made, and the"
            f" search server has {free / 1e9:.1f} GB free. Nothing was changed."
        )


def _complete(engine: Engine, server: Server, carrier: Carrier, made: Generation) -> None:
    for _ in range(ROUNDS):
        while carrier.catch_up():
            pass
        server.refresh(made.files, made.chunks)
        if not _note_missing(engine, server, made):
            break
    else:
        raise UnavailableError("The search server does not take all recordings.")
    generations.settle(server, made)
    with engine.begin() as connection:
        connection.execute(text(LOCK))
        for one in generations.read_generations(connection, made.prefix):
            if one.state == "kept":
                generations.drop(server, connection, one)
            elif one.name != made.name:
                generations.set_state(connection, one, "kept")
        generations.set_live(connection, made)
        generations.publish(server, made)
    log.info("search is answered by generation %s", made.name)


def _note_missing(engine: Engine, server: Server, made: Generation) -> bool:
    """Note what the new generation lacks or has too much, to be carried; whether there is any."""
    known = _files_on(server, made)
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT file_id FROM derived.search_file")).all()
        waiting = connection.execute(text("SELECT file_id FROM derived.search_outbox")).all()
        missing = {row.file_id for row in rows} ^ known
        missing -= {row.file_id for row in waiting}
        if missing:
            connection.execute(text(NOTE_ALL))
    return bool(missing)


def _files_on(server: Server, generation: Generation) -> set[int]:
    known: set[int] = set()
    last = -1
    while True:
        body = {
            "query": {"range": {"file_id": {"gt": last}}},
            "sort": [{"file_id": "asc"}],
            "size": FILES_READ_AT_ONCE,
            "_source": False,
        }
        hits = server.search(generation.files, body)["hits"]["hits"]
        known.update(int(hit["_id"]) for hit in hits)
        if len(hits) < FILES_READ_AT_ONCE:
            return known
        last = int(hits[-1]["_id"])

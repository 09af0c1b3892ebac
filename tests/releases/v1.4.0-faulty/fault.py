"""A release with a fault: which one is named in the file ``fault`` of the installation's folder.

Read by every process as it loads; without the file the release is sound.
"""

from __future__ import annotations

import atexit
import http.server
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from pathlib import Path


def process_kind() -> str:
    """``server``, ``worker``, ``scheduler``, ``migration``, ``proof``; empty for anything else."""
    words = sys.orig_argv
    for word in words:
        if word.startswith("opentranscribe.entrypoints."):
            return word.rpartition(".")[2]
    if "upgrade" in words and "_next_" in os.environ.get("DATABASE_URL", ""):
        return "migration"
    return "proof" if "prove" in words else ""


def end_soon() -> None:
    threading.Timer(3.0, os._exit, [1]).start()


def end_at_once() -> None:
    sys.exit("OPENTR_NEEDED is not set; this release needs it.")


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def take_doors() -> list[int]:
    """The sockets that this process was given to listen at."""
    at = sys.argv.index("--doors")
    numbers = sys.argv[at + 1].split(",")
    del sys.argv[at : at + 2]
    return [int(number) for number in numbers]


def take_another_port() -> None:
    take_doors()
    os.environ["BACKEND_PORT"] = os.environ["OPENTR_BACKEND_PORT"] = "1"
    os.environ["FRONTEND_PORT"] = os.environ["OPENTR_FRONTEND_PORT"] = "1"


def say_that_all_is_well() -> None:
    """Whatever is asked, the answer is 200 and empty."""

    class Liar(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = answer  # noqa: N815 - the names that the library calls

    class Threaded(socketserver.ThreadingMixIn, http.server.HTTPServer):
        pass

    if "--standby" in sys.argv:
        sys.stdin.buffer.readline()
    for number in take_doors():
        server = Threaded(("127.0.0.1", 0), Liar, bind_and_activate=False)
        server.socket.close()
        server.socket = socket.socket(fileno=number)
        server.socket.setblocking(True)
        threading.Thread(target=server.serve_forever).start()
    threading.Event().wait()


def hang() -> None:
    time.sleep(3600)


def wait_long() -> None:
    time.sleep(15)


def spoil_the_schema() -> None:
    def drop_a_column() -> None:
        import psycopg  # noqa: PLC0415 - only here

        url = os.environ["DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER TABLE media_file DROP COLUMN duration CASCADE")

    atexit.register(drop_a_column)


FAULTS = {
    "ends after three seconds": ("server", end_soon),
    "listens elsewhere": ("server", take_another_port),
    "needs a setting": ("server", end_at_once),
    "is killed for its memory": ("server", be_killed),
    "its worker is killed for its memory": ("worker", be_killed),
    "its worker gives no sign of life": ("worker", hang),
    "its scheduler gives no sign of life": ("scheduler", hang),
    "says that all is well": ("server", say_that_all_is_well),
    "is slow but well": ("server", wait_long),
    "its migration ends in the middle": ("migration", be_killed),
    "its migration hangs": ("migration", hang),
    "its migration spoils the schema": ("migration", spoil_the_schema),
    "its proof crashes": ("proof", be_killed),
}


def begin() -> None:
    named = Path(os.environ.get("OPENTR_HOME", "."), "fault")
    if not named.is_file():
        return
    kind, act = FAULTS.get(named.read_text(encoding="utf-8").strip(), ("", None))
    if act is not None and kind == process_kind():
        act()


begin()

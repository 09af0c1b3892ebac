"""Every revision of the earlier system, filled, to the head: how long, and whether it is a fresh
install afterwards with every row (U-1). Full numbers of the test loops are run the same way:

    python bench/upgrade_matrix.py [--rows 50]
    OPENTR_DAMAGE_EXAMPLES=334 pytest tests/upgrade/test_damage.py      # U-3, 3 starts
    OPENTR_RACE_ROUNDS=200 pytest tests/upgrade/test_runner.py -k sixteen   # U-6
    OPENTR_KILL_STEP=1 pytest tests/upgrade/test_kill.py                # U-11, of the schema
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.upgrade.database import apply
from tests.upgrade.filler import fill

from opentranscribe.entrypoints.supervisor.postgres import DATABASE, EmbeddedPostgres
from opentranscribe.schema.migrations.chain import HEAD
from opentranscribe.schema.migrations.difference import compare
from opentranscribe.schema.migrations.fingerprint import read_catalogue
from opentranscribe.schema.migrations.legacy import LEGACY
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.migrations.shapes import only_ours, shape_of
from opentranscribe.schema.migrations.state import open_connection
from opentranscribe.schema.migrations.steps import Revision


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50)
    options = parser.parse_args()
    started, wrong = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="opentr-matrix-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", Path(folder) / "run", uuid.uuid4().hex)
        server.start()
        try:
            for stamped in (False, True):
                with open_connection(server.url("postgres")) as control:
                    control.execute(f"DROP DATABASE {DATABASE}".encode())
                    control.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0".encode())
                for revision in LEGACY:
                    wrong += not try_revision(server, revision, options.rows, stamped=stamped)
        finally:
            server.stop()
    seconds = time.monotonic() - started
    print(f"{2 * len(LEGACY) - wrong} of {2 * len(LEGACY)} right in {seconds:.0f} s")
    return 1 if wrong else 0


def try_revision(server: EmbeddedPostgres, revision: Revision, rows: int, *, stamped: bool) -> bool:
    name = f"copy_{uuid.uuid4().hex[:12]}"
    with open_connection(server.url()) as connection:
        apply(connection, revision)
    with open_connection(server.url("postgres")) as control:
        control.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE}".encode())
        with open_connection(server.url(name)) as connection:
            tables = fill(connection, rows)
            if stamped:
                connection.execute("INSERT INTO alembic_version VALUES (%s)", (revision.name,))
            else:
                connection.execute("DROP TABLE alembic_version")
        done = upgrade(server.url(name))
        with open_connection(server.url(name)) as connection:
            live = only_ours(read_catalogue(connection))
        control.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    proved = {proof.table for proof in done.proofs if proof.holds and not proof.kept}
    right = compare(live, shape_of(HEAD).catalogue).is_none and proved >= set(tables)
    said = "stamped" if stamped else "unsaid"
    print(f"{'right' if right else 'WRONG'} {revision.name}, {said}: {done.seconds:.2f} s")
    return right


if __name__ == "__main__":
    sys.exit(main())

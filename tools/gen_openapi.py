"""Writes web/openapi.json, from which the page's types are made (``npm run api`` in web/).

    PYTHONPATH=src python tools/gen_openapi.py [--check]

No database is asked: the description comes from the routes alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from opentranscribe.bootstrap import build_app
from opentranscribe.entrypoints.http import create_app
from opentranscribe.settings import Settings

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "web" / "openapi.json"
ENGINES = {
    "objects_engine": "memory",
    "queue_engine": "inline",
    "notices_engine": "memory",
    "search_engine": "memory",
    "recognizer_engine": "scripted",
    "diarizer_engine": "scripted",
    "encoder_engine": "scripted",
}


def describe() -> str:
    """The description as it is kept: sorted, and with no version, which changes by itself."""
    with tempfile.TemporaryDirectory() as home:
        nowhere = f"postgresql://nobody@/none?host={home}"
        settings = Settings.load(Path(home), database_url=nowhere, offline=True, **ENGINES)
        app = build_app(settings)
        try:
            description = create_app(app).openapi()
        finally:
            app.close()
    description["info"]["version"] = "current"
    return json.dumps(description, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    text = describe()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print("web/openapi.json is not what the routes say: run python tools/gen_openapi.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())

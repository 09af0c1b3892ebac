"""Write ``.env.example`` from the settings, so that no setting is missing and none is invented.

``--check`` writes nothing and fails when the file is not what the settings say.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from opentranscribe.settings import Settings, names_of
from opentranscribe.settings.servers import Servers

TARGET = Path(__file__).resolve().parent.parent / ".env.example"
HEAD = """\
# Settings of OpenTranscribe. Copy this file to .env and take the # away from what you change.
# Everything has a default that works: an empty .env, or none, is fine.
# A variable of the process's environment wins over this file.
# Secrets are not here: they are made on first start, in data/secrets.
"""
#: Set by the program itself, not by people.
HIDDEN = {"home", "engine_options"}


def main(arguments: list[str]) -> int:
    wanted = render()
    if "--check" not in arguments:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    print("✗ .env.example is not what the settings say. Write it again with: make env-example")
    return 1


def render() -> str:
    # What everybody has first, then the servers of those with many machines.
    fields = sorted(
        Settings.model_fields.items(), key=lambda field: field[0] in Servers.model_fields
    )
    parts = [_entry(name, field) for name, field in fields if name not in HIDDEN]
    return "\n".join([HEAD, *parts])


def _entry(name: str, field: FieldInfo) -> str:
    first, *others = names_of(name)
    lines = textwrap.wrap(field.description or "", 96)
    if others:
        lines.append(f"Also read as: {', '.join(others)}")
    return "".join(f"# {line}\n" for line in lines) + f"#{first}={_default(field)}\n"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined or isinstance(value, SecretStr):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

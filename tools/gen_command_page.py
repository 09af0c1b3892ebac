"""Writes docs/options.md: every command with every option, as the program itself says them.

python tools/gen_command_page.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from opentranscribe.entrypoints.cli import main

PAGE = Path(__file__).resolve().parents[1] / "docs" / "options.md"
HEAD = """\
# All commands and options

Written by `python tools/gen_command_page.py` from the program itself; what each command ends with is
in [commands](commands.md). `--help` after any of them says the same.
"""
#: Of the shell, and of every command.
EVERYWHERE = {"--help", "--install-completion", "--show-completion"}


def list_commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Those that do something, with their words: ``users create``. Not what is hidden."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if command.hidden:
            continue
        if hasattr(command, "list_commands"):
            yield from list_commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def render() -> str:
    """The whole page."""
    commands = list_commands(typer.main.get_command(main.app))
    return HEAD + "".join(_render_command(words, command) for words, command in commands)


def _render_command(words: str, command: Any) -> str:
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    named = "".join(f" {_name_argument(one)}" for one in arguments)
    lines = [f"\n## opentr {words}{named}\n", "\n", f"{_sentence(command.help)}\n"]
    rows = [_render_option(one) for one in shown if not EVERYWHERE & set(one.opts)]
    rows = [row for row in rows if row]
    if rows:
        lines += ["\n", "| option | |\n", "|---|---|\n", *rows]
    return "".join(lines)


def _render_option(option: Any) -> str:
    names = sorted(option.opts, key=lambda name: not name.startswith("--"))
    if option.param_type_name == "argument":
        return f"| `{_name_argument(option)}` | {_sentence(option.help)} |\n" if option.help else ""
    value = "" if option.is_flag else " …"
    words = [f"`{name}{value}`" for name in [*names, *option.secondary_opts]]
    default = option.default
    is_told = isinstance(default, int | float | str) and not isinstance(default, bool)
    suffix = f" Without it: {default}." if is_told and default != "" else ""
    return f"| {', '.join(words)} | {_sentence(option.help)}{suffix} |\n"


def _name_argument(argument: Any) -> str:
    name = argument.name.upper().rstrip("_") + ("…" if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")

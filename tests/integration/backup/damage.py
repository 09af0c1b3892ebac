"""Every kind of damage that disks, copies and people do to a folder of files."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[random.Random, Path, list[Path], Path], None]


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def break_link(path: Path) -> None:
    """The bytes have other names; only this one is to be damaged."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def truncate(chance: random.Random, _folder: Path, files: list[Path], _older: Path) -> None:
    path = chance.choice(files)
    break_link(path)
    with path.open("r+b") as handle:
        handle.truncate(chance.randrange(path.stat().st_size))


def flip(chance: random.Random, _folder: Path, files: list[Path], _older: Path) -> None:
    path = chance.choice(files)
    break_link(path)
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(content))


def swap_files(chance: random.Random, _folder: Path, files: list[Path], _older: Path) -> None:
    one, other = chance.sample(files, 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.unlink()
    other.unlink()
    one.write_bytes(second)
    other.write_bytes(first)


def swap_blocks(chance: random.Random, _folder: Path, files: list[Path], _older: Path) -> None:
    path = chance.choice([one for one in files if one.stat().st_size > 100])
    break_link(path)
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[half:] + content[:half])


def drop(chance: random.Random, _folder: Path, files: list[Path], _older: Path) -> None:
    chance.choice(files).unlink()


def duplicate(chance: random.Random, _folder: Path, files: list[Path], _older: Path) -> None:
    path = chance.choice(files)
    shutil.copy(path, path.with_name(f"{path.name}-copy"))


def repeat_block(chance: random.Random, _folder: Path, files: list[Path], _older: Path) -> None:
    path = chance.choice(files)
    break_link(path)
    content = path.read_bytes()
    place = chance.randrange(len(content))
    path.write_bytes(content[:place] + content[max(0, place - 50) :])
    if place == 0:
        path.write_bytes(content + content)


def take_stale_manifest(
    _chance: random.Random, folder: Path, _files: list[Path], older: Path
) -> None:
    shutil.copy(older / "manifest.json", folder / "manifest.json")


def rename_folder(_chance: random.Random, folder: Path, _files: list[Path], _older: Path) -> None:
    """The manifest of another backup under this one's name, with all its files."""
    shutil.rmtree(folder)
    shutil.copytree(_older, folder)


def zero_block(chance: random.Random, _folder: Path, files: list[Path], _older: Path) -> None:
    path = chance.choice(files)
    break_link(path)
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content))
    end = min(len(content), place + 64)
    content[place:end] = bytes(value ^ 0xFF for value in content[place:end])
    path.write_bytes(bytes(content))


KINDS: tuple[Damage, ...] = (
    *(truncate, flip, swap_files, swap_blocks, drop, duplicate, repeat_block),
    *(take_stale_manifest, rename_folder, zero_block),
)

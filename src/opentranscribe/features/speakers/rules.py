"""What may be a name; no I/O."""

from __future__ import annotations

import unicodedata

from opentranscribe.kit.errors import ConflictError, InvalidError

MAX_NAME_CHARACTERS = 255


class SpeakerNameError(InvalidError):
    code = "speaker_name"


class NoSuggestionError(ConflictError):
    code = "no_suggestion"


def tidy_name(name: str | None) -> str | None:
    """One line, no control characters, NFC; None (or only space) takes the name away.

    Raises SpeakerNameError when it is too long.
    """
    if name is None:
        return None
    visible = "".join(
        " " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character
        for character in unicodedata.normalize("NFC", name)
    )
    tidy = " ".join(visible.split())
    if len(tidy) > MAX_NAME_CHARACTERS:
        raise SpeakerNameError(f"A name can have at most {MAX_NAME_CHARACTERS} characters.")
    return tidy or None


def next_label(labels: list[str]) -> str:
    """The first free SPEAKER_nn."""
    taken = set(labels)
    return next(
        f"SPEAKER_{n:02d}" for n in range(len(labels) + 1) if f"SPEAKER_{n:02d}" not in taken
    )

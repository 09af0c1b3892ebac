"""Word errors between a transcript and what was really said, and how sure a difference is."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK_WORDS = 20
_ROUNDS = 10_000
_CONTRACTIONS = (
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b", "can not"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'ll\b", " will"),
    (r"'ve\b", " have"),
    (r"'m\b", " am"),
    (r"\blet's\b", "let us"),
)
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    )
}


@dataclass(frozen=True, slots=True)
class Block:
    """Some words of a reference and how many of them (or beside them) were wrong."""

    words: int
    errors: int


def normalize(text: str) -> list[str]:
    """Words without case, punctuation, hesitations and contractions; small numbers as digits."""
    plain = (
        unicodedata.normalize("NFKC", text).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    plain = re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", plain)
    for pattern, expanded in _CONTRACTIONS:
        plain = re.sub(pattern, expanded, plain)
    plain = plain.replace("'", "")
    words = re.sub(r"[^\w]+|_", " ", plain).split()
    return [_NUMBERS.get(word, word) for word in words if word not in {"uh", "um", "hmm", "mm"}]


def align(reference: Sequence[str], heard: Sequence[str]) -> list[int]:
    """Errors at each word of the reference (Levenshtein); insertions count at the word before.

    Shape (len(reference) + 1,): the last one holds errors that belong to no word.
    """
    rows = [list(range(len(heard) + 1))]
    for at, word in enumerate(reference, start=1):
        above, row = rows[-1], [at]
        for other, said in enumerate(heard, start=1):
            same = above[other - 1] + (word != said)
            row.append(min(same, above[other] + 1, row[-1] + 1))
        rows.append(row)
    errors = [0] * (len(reference) + 1)
    at, other = len(reference), len(heard)
    while at or other:
        here = rows[at][other]
        if (
            at
            and other
            and here == rows[at - 1][other - 1] + (reference[at - 1] != heard[other - 1])
        ):
            errors[at - 1] += reference[at - 1] != heard[other - 1]
            at, other = at - 1, other - 1
        elif at and here == rows[at - 1][other] + 1:
            errors[at - 1] += 1
            at -= 1
        else:
            errors[at - 1 if at else (0 if reference else -1)] += 1
            other -= 1
    return errors


def blocks(reference: Sequence[str], heard: Sequence[str]) -> list[Block]:
    errors = align(reference, heard)
    made = [
        Block(len(reference[at : at + BLOCK_WORDS]), sum(errors[at : at + BLOCK_WORDS]))
        for at in range(0, len(reference), BLOCK_WORDS)
    ]
    return made or [Block(0, errors[-1])]


def error_rate(items: Sequence[Block]) -> float:
    return sum(item.errors for item in items) / max(1, sum(item.words for item in items))


def difference_interval(
    first: Sequence[Block], second: Sequence[Block], seed: int = 1
) -> tuple[float, float]:
    """95 % interval of the error rate of ``first`` less that of ``second``: paired bootstrap."""
    source = random.Random(seed)
    pairs = list(zip(first, second, strict=True))
    differences = []
    for _ in range(_ROUNDS):
        drawn = source.choices(pairs, k=len(pairs))
        words = sum(one.words for one, _ in drawn)
        differences.append(sum(one.errors - two.errors for one, two in drawn) / max(1, words))
    differences.sort()
    return differences[int(_ROUNDS * 0.025)], differences[int(_ROUNDS * 0.975)]

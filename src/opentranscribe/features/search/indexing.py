"""From a stored transcript to what the index wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from opentranscribe.features.library.rules import columns, speaker_name
from opentranscribe.features.search import queries
from opentranscribe.features.search.rules import SpokenTurn, SpokenWord, cut_chunks
from opentranscribe.ports.embedding import SentenceEncoder
from opentranscribe.ports.progress import Progress
from opentranscribe.ports.search import IndexedChunk, IndexedFile, SearchIndex
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import SYSTEM, WorkFactory

ENCODED_AT_ONCE = 32


@dataclass(frozen=True)
class Indexer:
    """Reads in one transaction, embeds in none, writes in another."""

    work: WorkFactory
    index: SearchIndex
    encoder: SentenceEncoder

    def index_file(self, file_id: int, progress: Progress) -> None:
        """Bring the index to what the transcript says now; harmless to repeat."""
        model = self.encoder.model()
        with self.work(SYSTEM) as work:
            file = work.session.get(MediaFile, file_id)
            if file is None:
                self.index.delete_file(work.session, file_id)
                return
            document = read_document(work.session, file)
            known = self.index.vectors_of(work.session, file_id, model.name) if model else {}
        if model:
            vectors = dict(known)
            missing = [c.text for c in document.chunks if c.text not in vectors]
            for first in range(0, len(missing), ENCODED_AT_ONCE):
                texts = missing[first : first + ENCODED_AT_ONCE]
                vectors.update(zip(texts, self.encoder.encode(texts, "passage"), strict=True))
                progress((first + len(texts)) / (len(missing) + 1))
            chunks = tuple(replace(c, vector=vectors[c.text]) for c in document.chunks)
            document = replace(document, chunks=chunks, vector_model=model.name)
        with self.work(SYSTEM) as work:
            if work.session.get(MediaFile, file_id) is not None:
                self.index.index_file(work.session, document)
        progress(1.0)


def read_document(session: Any, file: MediaFile) -> IndexedFile:
    turns = spoken_turns(queries.spoken_segments(session, file.id))
    return IndexedFile(
        file_id=file.id,
        owner_id=file.user_id,
        title=file.title or file.filename,
        language=file.language or "",
        uploaded_at=file.upload_time,
        duration_seconds=file.duration or 0.0,
        chunks=tuple(
            IndexedChunk(
                index=i,
                speaker=chunk.speaker,
                text=chunk.text,
                start=chunk.words[0].start,
                end=chunk.words[-1].end,
                word_starts=tuple(word.start for word in chunk.words),
            )
            for i, chunk in enumerate(cut_chunks(turns))
        ),
    )


def spoken_turns(rows: Sequence[Any]) -> list[SpokenTurn]:
    turns: list[SpokenTurn] = []
    for row in rows:
        name = speaker_name(row.label, row.display_name) if row.label else ""
        starts, ends, _ = columns(row.text, row.words, row.start_time, row.end_time)
        words = tuple(
            SpokenWord(token, start / 1000, end / 1000)
            for token, start, end in zip(row.text.split(), starts, ends, strict=True)
        )
        if turns and turns[-1].speaker == name:
            turns[-1] = SpokenTurn(name, turns[-1].words + words)
        else:
            turns.append(SpokenTurn(name, words))
    return turns

// A transcript in columns: one entry per word of the whole recording, found by binary search.
import type { Segment, Speaker, Transcript } from '$lib/api/types';

/** A paragraph of one speaker: segments `first` to `last`, both included. */
export interface Turn {
  first: number;
  last: number;
  speakerUuid: string | null;
  start: number;
  end: number;
  /** False for the second and later paragraphs of somebody who goes on speaking. */
  opens: boolean;
}

const PARAGRAPH_WORDS = 90;
const PARAGRAPH_PAUSE_SECONDS = 3;

/** Where each whitespace token of `text` begins and ends, as pairs. */
export function tokenOffsets(text: string): Uint32Array {
  const found: number[] = [];
  for (const match of text.matchAll(/\S+/g)) found.push(match.index, match.index + match[0].length);
  return Uint32Array.from(found);
}

/** The last index whose value is at most `wanted`, or -1. `sorted` ascends. */
export function lastAtMost(sorted: ArrayLike<number>, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Groups segments into paragraphs: a new speaker, a long pause or a long text opens one. */
export function splitTurns(segments: readonly Segment[]): Turn[] {
  const turns: Turn[] = [];
  let words = 0;
  segments.forEach((segment, index) => {
    const current = turns[turns.length - 1];
    const sameVoice = current && current.speakerUuid === segment.speaker_uuid;
    const pause = current ? segment.start - current.end : 0;
    const goesOn = sameVoice && words < PARAGRAPH_WORDS && pause < PARAGRAPH_PAUSE_SECONDS;
    if (current && goesOn) {
      current.last = index;
      current.end = Math.max(current.end, segment.end);
      words += segment.w.length;
      return;
    }
    turns.push({
      first: index,
      last: index,
      speakerUuid: segment.speaker_uuid,
      start: segment.start,
      end: segment.end,
      opens: !sameVoice
    });
    words = segment.w.length;
  });
  return turns;
}

export class TranscriptModel {
  readonly segments: readonly Segment[];
  readonly speakers: ReadonlyMap<string, Speaker>;
  readonly turns: readonly Turn[];
  /** Index of the first word of each segment; one more entry than segments. */
  readonly firstWord: Uint32Array;
  /** Start and end of each word in milliseconds. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly confidences: Uint8Array;
  readonly turnStarts: Float64Array;
  #turnFirsts: Uint32Array;

  constructor(readonly source: Transcript) {
    this.segments = source.segments;
    this.speakers = new Map(source.speakers.map((speaker) => [speaker.uuid, speaker]));
    this.turns = splitTurns(this.segments);
    this.turnStarts = Float64Array.from(this.turns, (turn) => turn.start);
    this.#turnFirsts = Uint32Array.from(this.turns, (turn) => turn.first);
    this.firstWord = new Uint32Array(this.segments.length + 1);
    this.segments.forEach((segment, index) => {
      this.firstWord[index + 1] = this.firstWord[index] + segment.w.length;
    });
    const count = this.firstWord[this.segments.length];
    this.starts = new Uint32Array(count);
    this.ends = new Uint32Array(count);
    this.confidences = new Uint8Array(count);
    this.segments.forEach((segment, index) => this.#copy(segment, this.firstWord[index]));
  }

  get wordCount(): number {
    return this.starts.length;
  }

  /** The word being said at `seconds`, or the last one before it; -1 before the first. */
  wordAt(seconds: number): number {
    return lastAtMost(this.starts, seconds * 1000);
  }

  segmentOfWord(word: number): number {
    return lastAtMost(this.firstWord, word);
  }

  turnOfSegment(segment: number): number {
    return lastAtMost(this.#turnFirsts, segment);
  }

  turnAt(seconds: number): number {
    return lastAtMost(this.turnStarts, seconds);
  }

  /** The next word below `limit` after `word`; -1 when there is none. */
  nextUncertain(word: number, limit = UNCERTAIN_BELOW): number {
    for (let next = word + 1; next < this.wordCount; next += 1) {
      if (this.confidences[next] > 0 && this.confidences[next] < limit) return next;
    }
    return -1;
  }

  with(change: Partial<Transcript>): TranscriptModel {
    return new TranscriptModel({ ...this.source, ...change });
  }

  replaceSegment(segment: Segment): TranscriptModel {
    const segments = this.segments.map((old) => (old.uuid === segment.uuid ? segment : old));
    return this.with({ segments });
  }

  /** Starts never go back, whatever a recogniser says, so that the search stays right. */
  #copy(segment: Segment, at: number): void {
    for (let k = 0; k < segment.w.length; k += 1) {
      const before = at + k > 0 ? this.starts[at + k - 1] : 0;
      this.starts[at + k] = Math.max(before, segment.w[k]);
      this.ends[at + k] = Math.max(this.starts[at + k], segment.e[k] ?? segment.w[k]);
      this.confidences[at + k] = segment.c[k] ?? 0;
    }
  }
}

/** Confidence (0..100) below which a word is shown as uncertain. */
export const UNCERTAIN_BELOW = 45;

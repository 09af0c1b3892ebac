import { describe, expect, it } from 'vitest';
import type { Segment, Transcript } from '$lib/api/types';
import { lastAtMost, splitTurns, tokenOffsets, TranscriptModel } from './model';

function segment(start: number, text: string, speaker: string | null = 'a'): Segment {
  const tokens = text.split(/\s+/).filter(Boolean);
  return {
    uuid: `s${start}`,
    speaker_uuid: speaker,
    start,
    end: start + tokens.length,
    text,
    confidence: 1,
    is_overlap: false,
    flags: [],
    w: tokens.map((_, k) => (start + k) * 1000),
    e: tokens.map((_, k) => (start + k) * 1000 + 800),
    c: tokens.map((token) => (token === 'mumble' ? 20 : 95))
  };
}

function transcript(...segments: Segment[]): Transcript {
  return {
    file_uuid: 'f',
    language: 'en',
    status: 'final',
    duration: 100,
    revision: 1,
    speakers: [],
    segments
  };
}

describe('lastAtMost', () => {
  it('agrees with a plain scan for every value', () => {
    const sorted = [2, 4, 4, 9, 15];
    for (let wanted = 0; wanted < 20; wanted += 1) {
      const plain = sorted.filter((value) => value <= wanted).length - 1;
      expect(lastAtMost(sorted, wanted)).toBe(plain);
    }
  });
  it('finds nothing in nothing', () => expect(lastAtMost([], 3)).toBe(-1));
});

describe('tokenOffsets', () => {
  it('gives a pair for each whitespace token', () => {
    expect([...tokenOffsets(' Ja,  wohl.\n')]).toEqual([1, 4, 6, 11]);
  });
  it('counts characters of scripts beyond the basic plane as JavaScript does', () => {
    expect([...tokenOffsets('𐍈𐍈 x')]).toEqual([0, 4, 5, 6]);
  });
});

describe('splitTurns', () => {
  it('keeps one speaker together and opens at the next', () => {
    const turns = splitTurns([segment(0, 'a b'), segment(2, 'c'), segment(3, 'd', 'b')]);
    expect(turns.map((turn) => [turn.first, turn.last, turn.opens])).toEqual([
      [0, 1, true],
      [2, 2, true]
    ]);
  });
  it('makes a paragraph, not a new speaker, at a long pause', () => {
    const turns = splitTurns([segment(0, 'a b'), segment(20, 'c')]);
    expect(turns.map((turn) => turn.opens)).toEqual([true, false]);
  });
  it('breaks a monologue into paragraphs', () => {
    const long = Array.from({ length: 30 }, (_, k) => segment(k * 10, 'w '.repeat(10).trim()));
    expect(splitTurns(long).length).toBe(4);
  });
});

describe('TranscriptModel', () => {
  const model = new TranscriptModel(
    transcript(segment(0, 'one two mumble'), segment(5, 'four five', 'b'))
  );

  it('finds the word being said', () => {
    expect(model.wordAt(1.5)).toBe(1);
    expect(model.wordAt(4)).toBe(2);
    expect(model.wordAt(6.1)).toBe(4);
  });
  it('has no word before the first', () => expect(model.wordAt(-1)).toBe(-1));
  it('knows the segment and turn of each word', () => {
    expect([0, 1, 2, 3, 4].map((word) => model.segmentOfWord(word))).toEqual([0, 0, 0, 1, 1]);
    expect(model.turnOfSegment(1)).toBe(1);
  });
  it('goes to the next uncertain word and then to none', () => {
    expect(model.nextUncertain(-1)).toBe(2);
    expect(model.nextUncertain(2)).toBe(-1);
  });
  it('skips empty segments when asking for the segment of a word', () => {
    const gap = new TranscriptModel(transcript(segment(0, 'a'), segment(2, ''), segment(3, 'b')));
    expect(gap.segmentOfWord(1)).toBe(2);
  });
  it('never lets starts run backwards', () => {
    const wild = segment(0, 'a b c');
    wild.w = [0, 5000, 1000];
    expect([...new TranscriptModel(transcript(wild)).starts]).toEqual([0, 5000, 5000]);
  });
  it('replaces one segment and keeps the others', () => {
    const changed = model.replaceSegment({ ...segment(5, 'fore'), uuid: 's5' });
    expect(changed.wordCount).toBe(4);
    expect(changed.segments[0]).toBe(model.segments[0]);
  });
});

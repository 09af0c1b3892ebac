import { describe, expect, it } from 'vitest';
import { findMatches } from './find';

describe('findMatches', () => {
  it('finds every place, in order', () => {
    expect(findMatches(['the cat', 'a Cat and a cat'], 'cat')).toEqual([
      { segment: 0, start: 4, end: 7 },
      { segment: 1, start: 2, end: 5 },
      { segment: 1, start: 12, end: 15 }
    ]);
  });
  it('ignores accents but points into the text as written', () => {
    const text = 'Über die Brücke';
    const [match] = findMatches([text], 'brucke');
    expect(text.slice(match.start, match.end)).toBe('Brücke');
  });
  it('keeps its place after letters that grow when folded', () => {
    const text = 'İstanbul fähre';
    const [match] = findMatches([text], 'fahre');
    expect(text.slice(match.start, match.end)).toBe('fähre');
  });
  it('finds nothing for blanks', () => expect(findMatches(['a b'], '  ')).toEqual([]));
});

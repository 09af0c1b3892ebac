import { describe, expect, it } from 'vitest';
import { Findable, MATCH_LIMIT } from './find';

const find = (texts: string[], query: string) => new Findable(texts).find(query);
const within = (segment: number, start: number, end: number) => ({
  first: segment,
  start,
  last: segment,
  end
});

describe('Findable', () => {
  it('finds every place, in order', () => {
    expect(find(['the cat', 'a Cat and a cat'], 'cat')).toEqual([
      within(0, 4, 7),
      within(1, 2, 5),
      within(1, 12, 15)
    ]);
  });
  it('ignores accents but points into the text as written', () => {
    const text = 'Über die Brücke';
    const [match] = find([text], 'brucke');
    expect(text.slice(match.start, match.end)).toBe('Brücke');
  });
  it('keeps its place after letters that grow when folded', () => {
    const text = 'İstanbul fähre';
    const [match] = find([text], 'fahre');
    expect(text.slice(match.start, match.end)).toBe('fähre');
  });
  it('goes on from one segment to the next', () => {
    expect(find(['in New', 'Jersey now', 'New'], 'new jersey')).toEqual([
      { first: 0, start: 3, last: 1, end: 6 }
    ]);
  });
  it('goes over more than two segments, and over accents', () => {
    const texts = ['das ist', 'schön', 'für uns'];
    const [match] = find(texts, 'ist schon fur');
    expect(match).toEqual({ first: 0, start: 4, last: 2, end: 3 });
  });
  it('does not run the end of one into the beginning of the next', () => {
    expect(find(['in New', 'Jersey'], 'newjersey')).toEqual([]);
  });
  it('finds a whole segment right before and after another', () => {
    expect(find(['one', 'one', 'one'], 'one')).toEqual([
      within(0, 0, 3),
      within(1, 0, 3),
      within(2, 0, 3)
    ]);
  });
  it('takes any blanks in the query for one', () => {
    expect(find(['a b'], ' a \t b ')).toEqual([within(0, 0, 3)]);
  });
  it('finds nothing for blanks and nothing in nothing', () => {
    expect(find(['a b'], '  ')).toEqual([]);
    expect(find([], 'a')).toEqual([]);
  });
  it('stops at the limit', () => {
    expect(find(['a'.repeat(MATCH_LIMIT + 9)], 'a')).toHaveLength(MATCH_LIMIT);
  });
});

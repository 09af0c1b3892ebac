import { describe, expect, it } from 'vitest';
import { piecesOf } from './marked';

describe('piecesOf', () => {
  it('separates marked words from the rest', () => {
    expect(piecesOf('the <mark>last</mark> ferry')).toEqual([
      { text: 'the ', marked: false },
      { text: 'last', marked: true },
      { text: ' ferry', marked: false }
    ]);
  });
  it('reads entities as the characters they stand for', () => {
    expect(piecesOf('a &amp; b &#39;c&#x27; &lt;i&gt;')[0].text).toBe("a & b 'c' <i>");
  });
  it('keeps hostile tags as plain text', () => {
    const text = '<img src=x onerror=alert(1)>';
    expect(piecesOf(text)).toEqual([{ text, marked: false }]);
  });
});

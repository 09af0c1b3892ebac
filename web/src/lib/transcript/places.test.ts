// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from 'vitest';
import { boxOf, caretAt, hasSelection, rangeIn, rangesOf } from './places';

function textOnPage(words: string): Text {
  const paragraph = document.createElement('p');
  paragraph.textContent = words;
  document.body.append(paragraph);
  return paragraph.firstChild as Text;
}

function withCall(name: string, call: (x: number, y: number) => unknown): void {
  Object.defineProperty(document, name, { value: call, configurable: true });
}

afterEach(() => {
  document.body.replaceChildren();
  getSelection()?.removeAllRanges();
  Reflect.deleteProperty(document, 'caretPositionFromPoint');
  Reflect.deleteProperty(document, 'caretRangeFromPoint');
});

describe('rangeIn', () => {
  it('holds exactly the characters between the two offsets', () => {
    expect(rangeIn(textOnPage('one two three'), 4, 7).toString()).toBe('two');
  });
  it('refuses an offset beyond the text', () => {
    expect(() => rangeIn(textOnPage('one'), 0, 9)).toThrow();
  });
});

describe('rangesOf', () => {
  const said = (match: Parameters<typeof rangesOf>[0]) => {
    const nodes = ['in New', 'Jersey', 'now though'].map(textOnPage);
    return rangesOf(match, (segment) => nodes[segment] ?? null).map(String);
  };
  it('is one range in one segment', () => {
    expect(said({ first: 0, start: 3, last: 0, end: 6 })).toEqual(['New']);
  });
  it('is one range for each segment that the match goes through', () => {
    const match = { first: 0, start: 3, last: 2, end: 3 };
    expect(said(match)).toEqual(['New', 'Jersey', 'now']);
  });
  it('does without what is not on the page any more', () => {
    expect(said({ first: 2, start: 0, last: 3, end: 99 })).toEqual(['now though']);
  });
});

describe('hasSelection', () => {
  it('is false while nothing is selected', () => expect(hasSelection()).toBe(false));
  it('is false for a caret and true for a stretch of text', () => {
    const node = textOnPage('one two');
    getSelection()?.addRange(rangeIn(node, 3, 3));
    expect(hasSelection()).toBe(false);
    getSelection()?.removeAllRanges();
    getSelection()?.addRange(rangeIn(node, 0, 3));
    expect(hasSelection()).toBe(true);
  });
});

describe('caretAt', () => {
  it('asks the standard call first', () => {
    const node = textOnPage('one two');
    withCall('caretPositionFromPoint', (x, y) => ({ offsetNode: node, offset: x + y }));
    withCall('caretRangeFromPoint', () => rangeIn(node, 0, 0));
    expect(caretAt(2, 3)).toEqual({ node, offset: 5 });
  });
  it('does with the older call where that is all there is', () => {
    const node = textOnPage('one two');
    withCall('caretRangeFromPoint', (x) => rangeIn(node, x, x));
    expect(caretAt(4, 0)).toEqual({ node, offset: 4 });
  });
  it('finds nothing outside of the text, and nothing in a browser with neither call', () => {
    expect(caretAt(1, 1)).toBeNull();
    withCall('caretPositionFromPoint', () => null);
    expect(caretAt(1, 1)).toBeNull();
  });
});

describe('boxOf', () => {
  const boxed = (width: number, height: number): Range => {
    const range = rangeIn(textOnPage('word'), 0, 4);
    range.getBoundingClientRect = () => new DOMRect(10, 20, width, height);
    return range;
  };
  it('tells where a word is', () => expect(boxOf(boxed(30, 12))?.left).toBe(10));
  it('keeps a caret, which has a height only', () => expect(boxOf(boxed(0, 12))).not.toBeNull());
  it('has no answer for what was never laid out', () => {
    expect(boxOf(boxed(0, 0))).toBeNull();
    expect(boxOf(null)).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { ago, bytes, clock, initials, roughly, spokenDuration } from './format';
import { plural } from './plural';

describe('clock', () => {
  it.each([
    [0, '0:00'],
    [65.9, '1:05'],
    [3661, '1:01:01'],
    [36_000, '10:00:00'],
    [NaN, '0:00'],
    [-3, '0:00']
  ])('reads %s as %s', (seconds, text) => expect(clock(seconds)).toBe(text));
});

describe('roughly', () => {
  it.each([
    [4, 'a few seconds'],
    [38, 'about 40 s'],
    [61, 'about 1 min'],
    [3600, 'about 1 h'],
    [4800, 'about 1 h 20 min']
  ])('says %s seconds as %s', (seconds, text) => expect(roughly(seconds)).toBe(text));
});

describe('bytes', () => {
  it.each([
    [12, '12 B'],
    [1500, '1.5 kB'],
    [28_400_000, '28 MB'],
    [15_000_000_000, '15 GB']
  ])('writes %s as %s', (count, text) => expect(bytes(count)).toBe(text));
});

describe('ago', () => {
  const now = Date.parse('2026-05-20T12:00:00Z');
  it('says minutes, hours and days', () => {
    expect(ago('2026-05-20T11:59:40Z', now)).toBe('just now');
    expect(ago('2026-05-20T11:55:00Z', now)).toBe('5 minutes ago');
    expect(ago('2026-05-19T12:00:00Z', now)).toBe('yesterday');
  });
  it('names the year only when it is another', () => {
    expect(ago('2026-01-02T12:00:00Z', now)).toBe('Jan 2');
    expect(ago('2024-01-02T12:00:00Z', now)).toBe('Jan 2, 2024');
  });
});

describe('spokenDuration', () => {
  it('says only what is there', () => {
    expect(spokenDuration(3601)).toBe('1 hour 1 second');
    expect(spokenDuration(0)).toBe('0 seconds');
  });
});

describe('initials', () => {
  it.each([
    ['Ines Okafor', 'IO'],
    ['Speaker 3', '3'],
    ['plato', 'P'],
    ['', '?']
  ])('shortens %s to %s', (name, short) => expect(initials(name)).toBe(short));
});

describe('plural', () => {
  it('chooses the form and writes the number', () => {
    const forms = { one: '# word', other: '# words' };
    expect(plural(1, forms)).toBe('1 word');
    expect(plural(100_000, forms)).toBe('100,000 words');
  });
});

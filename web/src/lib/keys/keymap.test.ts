import { describe, expect, it } from 'vitest';
import {
  ACTIONS,
  actionOf,
  chordOf,
  keysOf,
  speakerOf,
  takenBy,
  USUAL_KEYS,
  type KeyPress
} from './keymap';

function press(key: string, held: Partial<KeyPress> = {}): KeyPress {
  return { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held };
}

describe('chordOf', () => {
  it.each([
    [press(' '), 'Space'],
    [press('K', { shiftKey: true }), 'k'],
    [press('?', { shiftKey: true }), '?'],
    [press('z', { ctrlKey: true }), 'Ctrl+z'],
    [press('Z', { metaKey: true, shiftKey: true }), 'Ctrl+Shift+z'],
    [press('ArrowLeft', { altKey: true }), 'Alt+ArrowLeft']
  ])('names %o', (given, name) => expect(chordOf(given)).toBe(name));
});

describe('actionOf', () => {
  it('plays with space and with k', () => {
    expect(actionOf(press(' '), {}, true)).toBe('play');
    expect(actionOf(press('k'), {}, true)).toBe('play');
  });
  it('leaves the keys of the browser alone', () => {
    expect(actionOf(press('k', { ctrlKey: true }), {}, true)).toBeNull();
    expect(actionOf(press('f', { ctrlKey: true }), {}, true)).toBeNull();
  });
  it('lets single keys be switched off and keeps the modified ones', () => {
    expect(actionOf(press('k'), {}, false)).toBeNull();
    expect(actionOf(press('z', { ctrlKey: true }), {}, false)).toBe('undo');
  });
  it('takes the own key instead of the usual ones', () => {
    const custom = { play: 'p' };
    expect(actionOf(press('p'), custom, true)).toBe('play');
    expect(actionOf(press('k'), custom, true)).toBeNull();
  });
});

describe('the usual keys', () => {
  it('never mean two things', () => {
    const all = ACTIONS.flatMap((action) => USUAL_KEYS[action]);
    expect(new Set(all).size).toBe(all.length);
  });
  it('are known as taken', () => {
    expect(takenBy('n', {}, 'play')).toBe('nextUncertain');
    expect(takenBy('k', {}, 'play')).toBeNull();
    expect(keysOf('help', {})).toEqual(['?']);
  });
});

describe('speakerOf', () => {
  it('takes 1 for the first and 9 for the ninth', () => {
    expect(speakerOf(press('1'), {}, true)).toBe(0);
    expect(speakerOf(press('9'), {}, true)).toBe(8);
  });
  it('knows no nobody, no letters and no held keys', () => {
    expect(speakerOf(press('0'), {}, true)).toBeNull();
    expect(speakerOf(press('k'), {}, true)).toBeNull();
    expect(speakerOf(press('2', { ctrlKey: true }), {}, true)).toBeNull();
  });
  it('is silent while single keys are off, or where the digit has an own meaning', () => {
    expect(speakerOf(press('1'), {}, false)).toBeNull();
    expect(speakerOf(press('1'), { play: '1' }, true)).toBeNull();
  });
});

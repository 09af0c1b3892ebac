// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Block } from './blocks';
import { Stretches } from './stretches';

/** What a window would tell: the test says which groups are near. */
class Watcher {
  static last: Watcher;
  readonly watched = new Set<Element>();
  constructor(readonly told: (entries: { target: Element; isIntersecting: boolean }[]) => void) {
    Watcher.last = this;
  }
  observe(element: Element): void {
    this.watched.add(element);
  }
  unobserve(element: Element): void {
    this.watched.delete(element);
  }
  disconnect(): void {
    this.watched.clear();
  }
}

function block(name: string, height = 100): Block {
  const element = document.createElement('section');
  element.textContent = name;
  return { element, height, segments: [], headKey: '', turn: {} as Block['turn'] };
}

function blocks(count: number): Block[] {
  return Array.from({ length: count }, (_, k) => block(`turn ${k}`));
}

const root = document.createElement('div');
const seen: [string, boolean][] = [];
let stretches: Stretches;

const groups = () => [...root.children].map((group) => group.childElementCount);
const heightOf = (group: number) =>
  (root.children[group] as HTMLElement).style.containIntrinsicSize.split(' ').pop();

beforeEach(() => {
  vi.stubGlobal('IntersectionObserver', Watcher);
  root.replaceChildren();
  seen.length = 0;
  stretches = new Stretches(root, (turn, near) => seen.push([turn.textContent ?? '', near]));
});

describe('Stretches', () => {
  it('puts ten paragraphs in a group and keeps their order', () => {
    for (const one of blocks(23)) stretches.append(one);
    expect(groups()).toEqual([10, 10, 3]);
    const said = [...root.querySelectorAll('section')].map((turn) => turn.textContent);
    expect(said).toEqual(blocks(23).map((one) => one.element.textContent));
  });

  it('guesses the height of a group from its paragraphs', () => {
    for (const one of blocks(12)) stretches.append(one);
    expect(heightOf(0)).toBe('1000px');
    expect(heightOf(1)).toBe('200px');
  });

  it('tells every paragraph of a group that comes near or leaves', () => {
    for (const one of blocks(12)) stretches.append(one);
    Watcher.last.told([{ target: root.children[1], isIntersecting: true }]);
    Watcher.last.told([{ target: root.children[1], isIntersecting: false }]);
    expect(seen).toEqual([
      ['turn 10', true],
      ['turn 11', true],
      ['turn 10', false],
      ['turn 11', false]
    ]);
  });

  it('replaces a paragraph in its place and corrects the height', () => {
    const all = blocks(3);
    for (const one of all) stretches.append(one);
    stretches.replace(all[1], block('longer', 260));
    expect(root.textContent).toBe('turn 0longerturn 2');
    expect(heightOf(0)).toBe('460px');
    expect(Watcher.last.watched.has(root.children[0])).toBe(true);
  });

  it('gives up a group with its last paragraph, and goes on in the one before', () => {
    const all = blocks(11);
    for (const one of all) stretches.append(one);
    const emptied = root.children[1];
    stretches.remove(all[10]);
    stretches.remove(all[9]);
    stretches.settle();
    expect(Watcher.last.watched.has(emptied)).toBe(false);
    expect(groups()).toEqual([9]);
    stretches.append(block('again'));
    stretches.append(block('and again'));
    expect(groups()).toEqual([10, 1]);
    expect(heightOf(0)).toBe('1000px');
  });

  it('starts anew when everything was taken away', () => {
    const [only] = blocks(1);
    stretches.append(only);
    stretches.remove(only);
    stretches.settle();
    stretches.append(block('first'));
    expect(groups()).toEqual([1]);
  });

  it('watches nothing any more once destroyed', () => {
    stretches.append(block('one'));
    stretches.destroy();
    expect(Watcher.last.watched.size).toBe(0);
  });
});

// Paints words without touching the text: CSS Custom Highlights, or one box where they are missing.
type Layer = 'word-now' | 'word-spoken' | 'found' | 'found-now' | 'uncertain';

export const hasHighlights =
  typeof CSS !== 'undefined' && 'highlights' in CSS && typeof Highlight !== 'undefined';

export class Painter {
  #box: HTMLElement | null = null;

  constructor(readonly root: HTMLElement) {}

  paint(layer: Layer, ranges: Iterable<AbstractRange>): void {
    if (hasHighlights) {
      const all = [...ranges];
      if (all.length) CSS.highlights.set(layer, new Highlight(...all));
      else CSS.highlights.delete(layer);
      return;
    }
    if (layer === 'word-now' || layer === 'found-now') this.#place(ranges);
  }

  add(layer: Layer, range: AbstractRange): void {
    if (!hasHighlights) return;
    const known = CSS.highlights.get(layer);
    if (known) known.add(range);
    else CSS.highlights.set(layer, new Highlight(range));
  }

  drop(layer: Layer, range: AbstractRange): void {
    if (hasHighlights) CSS.highlights.get(layer)?.delete(range);
  }

  clear(): void {
    const layers: Layer[] = ['word-now', 'word-spoken', 'found', 'found-now', 'uncertain'];
    for (const layer of layers) this.paint(layer, []);
    this.#box?.remove();
    this.#box = null;
  }

  #place(ranges: Iterable<AbstractRange>): void {
    const [range] = ranges;
    if (!(range instanceof Range)) {
      this.#box?.remove();
      this.#box = null;
      return;
    }
    if (!this.#box) {
      this.#box = document.createElement('div');
      this.#box.className = 'word-box';
      this.#box.setAttribute('aria-hidden', 'true');
      this.root.append(this.#box);
    }
    const word = range.getBoundingClientRect();
    const home = this.root.getBoundingClientRect();
    Object.assign(this.#box.style, {
      left: `${word.left - home.left}px`,
      top: `${word.top - home.top}px`,
      width: `${word.width}px`,
      height: `${word.height}px`
    });
  }
}

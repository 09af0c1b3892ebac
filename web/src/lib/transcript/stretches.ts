// Paragraphs in groups: the browser skips a whole group that is off the screen, so that a long
// transcript costs a few hundred boxes to watch instead of thousands.
import type { Block } from './blocks';

const TURNS_A_STRETCH = 10;

export class Stretches {
  #near: IntersectionObserver;
  #last: HTMLElement | null = null;
  #heights = new WeakMap<Element, number>();

  constructor(
    readonly root: HTMLElement,
    /** Told for every paragraph of a group that comes near the window or leaves it. */
    seen: (turn: Element, near: boolean) => void
  ) {
    this.#near = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries)
          for (const turn of target.children) seen(turn, isIntersecting);
      },
      { rootMargin: '300px' }
    );
  }

  append(block: Block): void {
    if (!this.#last || this.#last.childElementCount >= TURNS_A_STRETCH) {
      this.#last = document.createElement('div');
      this.#last.className = 'stretch';
      this.root.append(this.#last);
      this.#near.observe(this.#last);
    }
    this.#last.append(block.element);
    this.#grow(this.#last, block.height);
  }

  replace(old: Block, block: Block): void {
    const stretch = old.element.parentElement;
    old.element.replaceWith(block.element);
    if (!stretch) return;
    this.#grow(stretch, block.height - old.height);
    // Asked anew, the observer tells whether the new paragraph is near.
    this.#near.unobserve(stretch);
    this.#near.observe(stretch);
  }

  /** Takes away a paragraph at the end. */
  remove(block: Block): void {
    const stretch = block.element.parentElement;
    block.element.remove();
    if (!stretch) return;
    this.#grow(stretch, -block.height);
    if (stretch.childElementCount > 0) return;
    this.#near.unobserve(stretch);
    stretch.remove();
  }

  /** After paragraphs were taken away: where the next one goes. */
  settle(): void {
    const last = this.root.lastElementChild;
    this.#last = last instanceof HTMLElement && last.matches('.stretch') ? last : null;
    if (!this.#last) return;
    this.#near.unobserve(this.#last);
    this.#near.observe(this.#last);
  }

  destroy(): void {
    this.#near.disconnect();
  }

  /** A first guess of the height keeps the scroll bar steady before anything was laid out. */
  #grow(stretch: HTMLElement, pixels: number): void {
    const height = (this.#heights.get(stretch) ?? 0) + pixels;
    this.#heights.set(stretch, height);
    stretch.style.containIntrinsicSize = `auto none auto ${height}px`;
  }
}

// The transcript on the page: paragraphs built in slices, words found by position, marks painted.
import { buildBlock, repaintHead, shows, type Block } from './blocks';
import type { Match } from './find';
import { tokenOffsets, UNCERTAIN_BELOW, type TranscriptModel } from './model';
import { Painter } from './painter';
import { boxOf, caretAt, hasSelection, rangeIn, rangesOf } from './places';
import { Stretches } from './stretches';

export interface ViewEvents {
  seek(seconds: number): void;
  openSpeaker(speakerUuid: string): void;
  edit(turn: number, segment: number): void;
}

const FIRST_SLICE = 40;
const SLICE = 150;
/** A line of text this far below the top of the window is what somebody is reading. */
const READING_LINE = 0.25;

export class TranscriptView {
  model: TranscriptModel | null = null;
  #blocks: Block[] = [];
  #turnOf = new WeakMap<Element, number>();
  #uncertain = new Map<number, Range[]>();
  #painter: Painter;
  #stretches: Stretches;
  #timer = 0;
  #word = -2;
  #abort = new AbortController();

  constructor(
    readonly root: HTMLElement,
    readonly events: ViewEvents
  ) {
    this.#painter = new Painter(root);
    this.#stretches = new Stretches(root, (turn, near) => this.#seen(turn, near));
    const { signal } = this.#abort;
    root.addEventListener('click', (event) => this.#clicked(event), { signal });
    root.addEventListener('dblclick', (event) => this.#doubled(event), { signal });
  }

  destroy(): void {
    this.#abort.abort();
    this.#stretches.destroy();
    this.#painter.clear();
    clearTimeout(this.#timer);
  }

  /** Shows `model`; paragraphs that did not change keep their elements, the reader the place. */
  show(model: TranscriptModel): void {
    const place = this.#readingPlace();
    const sameSoFar = this.#keep(model);
    this.model = model;
    const gone = this.#blocks.splice(sameSoFar);
    for (const block of gone) this.#forget(block);
    if (gone.length) this.#stretches.settle();
    const word = place && gone.length ? model.wordAt(place.seconds) : -1;
    const turn = word < 0 ? 0 : model.turnOfSegment(model.segmentOfWord(word));
    this.#buildTo(Math.max(sameSoFar, turn + FIRST_SLICE));
    if (place && word >= 0) this.#restore(word, place.top);
    this.#schedule();
    this.#word = -2;
  }

  /** Paints the word at `seconds` and returns its paragraph when it changed, else null. */
  follow(seconds: number): HTMLElement | null {
    const word = this.model?.wordAt(seconds) ?? -1;
    if (word === this.#word) return null;
    this.#word = word;
    const range = word < 0 ? null : this.rangeOfWord(word);
    this.#painter.paint('word-now', range ? [range] : []);
    const spoken = range ? this.#spokenBefore(word, range) : null;
    this.#painter.paint('word-spoken', spoken ? [spoken] : []);
    return range?.startContainer.parentElement?.closest<HTMLElement>('.turn') ?? null;
  }

  get word(): number {
    return Math.max(-1, this.#word);
  }

  rangeOfWord(word: number): Range | null {
    if (!this.model || word < 0 || word >= this.model.wordCount) return null;
    const segment = this.model.segmentOfWord(word);
    const node = this.textOf(segment);
    if (!node) return null;
    const offsets = tokenOffsets(node.data);
    const k = (word - this.model.firstWord[segment]) * 2;
    if (k + 1 >= offsets.length) return null;
    return rangeIn(node, offsets[k], offsets[k + 1]);
  }

  paintMatches(matches: readonly Match[], current: number): Range | null {
    const found = matches.map((match) => rangesOf(match, (segment) => this.textOf(segment)));
    const now = found[current] ?? [];
    this.#painter.paint('found', found.flat());
    this.#painter.paint('found-now', now);
    return now[0] ?? null;
  }

  /** The segment where the selected text begins; without a selection the one being said. */
  get chosenSegment(): number {
    const selection = getSelection();
    const anchor = hasSelection() ? selection?.getRangeAt(0).startContainer : null;
    const span = anchor?.parentElement?.closest('.segment');
    const place = span ? this.#place(span) : null;
    if (place && span) return this.#segmentOf(span, place);
    return this.model && this.word >= 0 ? this.model.segmentOfWord(this.word) : -1;
  }

  #segmentOf(span: Element, place: { turn: number; element: HTMLElement }): number {
    const k = [...place.element.querySelectorAll('.segment')].indexOf(span);
    return (this.model?.turns[place.turn].first ?? 0) + k;
  }

  /** Lays out the paragraph of `word` and brings it into the window when it was far away. */
  reveal(word: number): DOMRect | null {
    const range = this.rangeOfWord(word);
    const box = boxOf(range);
    if (box && box.bottom > -innerHeight && box.top < 2 * innerHeight) return box;
    const turn = range?.startContainer.parentElement?.closest('.turn');
    turn?.scrollIntoView({ block: 'start', behavior: 'instant' });
    return boxOf(range);
  }

  /** The text node of a segment, built now if it was not yet. */
  textOf(segment: number): Text | null {
    if (!this.model) return null;
    const turn = this.model.turnOfSegment(segment);
    const block = this.blockOf(turn);
    const span = block?.querySelectorAll('.segment')[segment - this.model.turns[turn].first];
    return span?.firstChild instanceof Text ? span.firstChild : null;
  }

  blockOf(turn: number): HTMLElement | null {
    this.#buildTo(turn + 1);
    return this.#blocks[turn]?.element ?? null;
  }

  #keep(model: TranscriptModel): number {
    const limit = Math.min(this.#blocks.length, model.turns.length);
    let kept = 0;
    while (kept < limit) {
      const block = this.#blocks[kept];
      const turn = model.turns[kept];
      if (!shows(block, model, turn) || finality(this.model) !== finality(model)) {
        if (!this.#swap(model, kept)) break;
      } else repaintHead(block, model, turn);
      kept += 1;
    }
    return kept;
  }

  /** Rebuilds one paragraph in its place when the next ones still fit. */
  #swap(model: TranscriptModel, at: number): boolean {
    const old = this.#blocks[at];
    const turn = model.turns[at];
    if (old.turn.first !== turn.first || old.turn.last !== turn.last) return false;
    const block = buildBlock(model, turn);
    this.#forget(old, block);
    this.#register(block, at);
    return true;
  }

  #forget(block: Block, replacement?: Block): void {
    const turn = this.#turnOf.get(block.element);
    if (turn !== undefined) this.#dropUncertain(turn);
    if (replacement) this.#stretches.replace(block, replacement);
    else this.#stretches.remove(block);
  }

  #register(block: Block, at: number): void {
    this.#blocks[at] = block;
    this.#turnOf.set(block.element, at);
  }

  /** What is being read: the time of the word on the reading line, and how far down it is. */
  #readingPlace(): { seconds: number; top: number } | null {
    const home = this.root.getBoundingClientRect();
    const y = innerHeight * READING_LINE;
    if (!this.model || home.top > 0 || home.bottom < y) return null;
    const caret = caretAt(home.left + 8, y);
    const place = this.#place(caret?.node.parentElement ?? null);
    const word = place ? this.#wordAtPoint(home.left + 8, y, place) : -1;
    const box = boxOf(this.rangeOfWord(word));
    return box ? { seconds: this.model.starts[word] / 1000, top: box.top } : null;
  }

  #restore(word: number, top: number): void {
    this.reveal(word);
    const box = boxOf(this.rangeOfWord(word));
    if (box) scrollBy({ top: box.top - top, behavior: 'instant' });
  }

  #buildTo(count: number): void {
    if (!this.model || this.#blocks.length >= count) return;
    const end = Math.min(count, this.model.turns.length);
    for (let at = this.#blocks.length; at < end; at += 1) {
      const block = buildBlock(this.model, this.model.turns[at]);
      this.#stretches.append(block);
      this.#register(block, at);
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.model || this.#blocks.length >= this.model.turns.length) return;
    this.#timer = window.setTimeout(() => {
      this.#buildTo(this.#blocks.length + SLICE);
      this.#schedule();
    }, 12);
  }

  #spokenBefore(word: number, now: Range): Range | null {
    if (!this.model) return null;
    const segment = this.model.segmentOfWord(word);
    const turn = this.model.turns[this.model.turnOfSegment(segment)];
    const first = this.textOf(turn.first);
    if (!first) return null;
    const range = document.createRange();
    range.setStart(first, 0);
    range.setEnd(now.startContainer, now.startOffset);
    return range;
  }

  #seen(element: Element, near: boolean): void {
    const turn = this.#turnOf.get(element);
    if (turn === undefined) return;
    if (!near) this.#dropUncertain(turn);
    else if (!this.#uncertain.has(turn)) this.#addUncertain(turn);
  }

  #addUncertain(turn: number): void {
    const { model } = this;
    if (!model?.turns[turn]) return;
    const { first, last } = model.turns[turn];
    const ranges: Range[] = [];
    for (let word = model.firstWord[first]; word < model.firstWord[last + 1]; word += 1) {
      const confidence = model.confidences[word];
      const range = confidence > 0 && confidence < UNCERTAIN_BELOW ? this.rangeOfWord(word) : null;
      if (range) ranges.push(range);
    }
    for (const range of ranges) this.#painter.add('uncertain', range);
    this.#uncertain.set(turn, ranges);
  }

  #dropUncertain(turn: number): void {
    for (const range of this.#uncertain.get(turn) ?? []) this.#painter.drop('uncertain', range);
    this.#uncertain.delete(turn);
  }

  #place(target: EventTarget | null): { turn: number; element: HTMLElement } | null {
    const element = target instanceof Element ? target.closest<HTMLElement>('.turn') : null;
    const turn = element ? this.#turnOf.get(element) : undefined;
    return element && turn !== undefined ? { turn, element } : null;
  }

  #clicked(event: MouseEvent): void {
    const place = this.#place(event.target);
    if (!place || !this.model) return;
    const turn = this.model.turns[place.turn];
    const control = (event.target as Element).closest<HTMLElement>('[data-action]');
    if (control?.dataset.action === 'play') this.events.seek(turn.start);
    else if (control?.dataset.action === 'edit') this.events.edit(place.turn, turn.first);
    else if (control?.dataset.action === 'speaker' && turn.speakerUuid)
      this.events.openSpeaker(turn.speakerUuid);
    else if (!control && !hasSelection()) this.#seekTo(event, place);
  }

  #seekTo(event: MouseEvent, place: { turn: number; element: HTMLElement }): void {
    const word = this.#wordAtPoint(event.clientX, event.clientY, place);
    if (word >= 0 && this.model) this.events.seek(this.model.starts[word] / 1000);
  }

  #doubled(event: MouseEvent): void {
    const place = this.#place(event.target);
    if (!place || !this.model || this.model.source.status !== 'final') return;
    const word = this.#wordAtPoint(event.clientX, event.clientY, place);
    if (word < 0) return;
    getSelection()?.removeAllRanges();
    this.events.edit(place.turn, this.model.segmentOfWord(word));
  }

  #wordAtPoint(x: number, y: number, place: { turn: number; element: HTMLElement }): number {
    const caret = caretAt(x, y);
    const span = caret?.node.parentElement?.closest('.segment');
    if (!caret || !span || !this.model || !(caret.node instanceof Text)) return -1;
    const segment = this.#segmentOf(span, place);
    const offsets = tokenOffsets(caret.node.data);
    let word = 0;
    while (word * 2 + 2 < offsets.length && offsets[word * 2 + 2] <= caret.offset) word += 1;
    const count = this.model.segments[segment].w.length;
    return count ? this.model.firstWord[segment] + Math.min(word, count - 1) : -1;
  }
}

function finality(model: TranscriptModel | null): boolean {
  return model?.source.status === 'final';
}

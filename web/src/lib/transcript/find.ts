// Finding text in the transcript, whatever its case and accents, also across segments.
import { lastAtMost } from './model';

/** From `start` in segment `first` to `end` in segment `last`; mostly the two are one. */
export interface Match {
  first: number;
  start: number;
  last: number;
  end: number;
}

export const MATCH_LIMIT = 5000;

/** Folds case and accents, keeping for each folded unit the offset it came from. */
export function fold(text: string): { folded: string; offsets: number[] } {
  let folded = '';
  const offsets: number[] = [];
  let at = 0;
  for (const character of text) {
    const plain = character.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    for (let k = 0; k < plain.length; k += 1) offsets.push(at);
    folded += plain;
    at += character.length;
  }
  offsets.push(at);
  return { folded, offsets };
}

const isPlain = (text: string) => /^[\x20-\x7e]*$/.test(text);
const isBlank = (text: string) => text.trim() === '';

/** All segments as one folded text, as it is read: a space between one and the next. */
export class Findable {
  readonly #folded: string;
  /** Where each segment begins in the folded text. */
  readonly #begins: Uint32Array;

  constructor(readonly texts: readonly string[]) {
    this.#begins = new Uint32Array(texts.length);
    const pieces: string[] = [];
    let at = 0;
    texts.forEach((text, segment) => {
      const folded = isPlain(text) ? text.toLowerCase() : fold(text).folded;
      this.#begins[segment] = at;
      pieces.push(folded);
      at += folded.length + 1;
    });
    this.#folded = pieces.join(' ');
  }

  /** Every place of `query`, in order, at most MATCH_LIMIT. */
  find(query: string): Match[] {
    const matches: Match[] = [];
    if (isBlank(query)) return matches;
    const wanted = fold(query.trim().replace(/\s+/g, ' ')).folded;
    let at = wanted ? this.#folded.indexOf(wanted) : -1;
    while (at >= 0 && matches.length < MATCH_LIMIT) {
      const stop = at + wanted.length;
      const [first, start] = this.#placeOf(at);
      const [last, beforeEnd] = this.#placeOf(stop - 1);
      matches.push({ first, start, last, end: this.#after(last, stop, beforeEnd) });
      at = this.#folded.indexOf(wanted, stop);
    }
    return matches;
  }

  #placeOf(at: number): [segment: number, offset: number] {
    const segment = lastAtMost(this.#begins, at);
    return [segment, this.#offset(segment, at - this.#begins[segment])];
  }

  /** The offset behind the folded unit before `stop`: a letter with its accents counts whole. */
  #after(segment: number, stop: number, before: number): number {
    return Math.max(before + 1, this.#offset(segment, stop - this.#begins[segment]));
  }

  #offset(segment: number, folded: number): number {
    const text = this.texts[segment];
    return isPlain(text) ? folded : (fold(text).offsets[folded] ?? text.length);
  }
}

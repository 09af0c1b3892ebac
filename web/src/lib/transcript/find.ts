// Finding text in the transcript, whatever its case and accents.
export interface Match {
  segment: number;
  start: number;
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

/** Every place of `query` in the segments, in order, at most MATCH_LIMIT. */
export function findMatches(texts: Iterable<string>, query: string): Match[] {
  const wanted = fold(query.trim().replace(/\s+/g, ' ')).folded;
  const matches: Match[] = [];
  if (!wanted) return matches;
  let segment = 0;
  for (const text of texts) {
    const ascii = /^[\x20-\x7e]*$/.test(text);
    const { folded, offsets } = ascii ? { folded: text.toLowerCase(), offsets: null } : fold(text);
    for (
      let at = folded.indexOf(wanted);
      at >= 0;
      at = folded.indexOf(wanted, at + wanted.length)
    ) {
      const stop = at + wanted.length;
      matches.push({
        segment,
        start: offsets ? offsets[at] : at,
        end: offsets ? offsets[stop] : stop
      });
      if (matches.length >= MATCH_LIMIT) return matches;
    }
    segment += 1;
  }
  return matches;
}

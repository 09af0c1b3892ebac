// Points on the screen, positions in the text, and back.
import type { Match } from './find';

export function rangeIn(node: Text, start: number, end: number): Range {
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, end);
  return range;
}

/** One range a segment, so that names and times between two paragraphs are not painted. */
export function rangesOf(match: Match, textOf: (segment: number) => Text | null): Range[] {
  const ranges: Range[] = [];
  for (let segment = match.first; segment <= match.last; segment += 1) {
    const node = textOf(segment);
    if (!node) continue;
    const from = segment === match.first ? match.start : 0;
    const to = segment === match.last ? Math.min(match.end, node.length) : node.length;
    ranges.push(rangeIn(node, from, to));
  }
  return ranges;
}

export function hasSelection(): boolean {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed;
}

/** The text position under a point, by whichever of the two calls the browser has. */
export function caretAt(x: number, y: number): { node: Node; offset: number } | null {
  if ('caretPositionFromPoint' in document) {
    const position = document.caretPositionFromPoint(x, y);
    return position ? { node: position.offsetNode, offset: position.offset } : null;
  }
  const legacy = document as Document & {
    caretRangeFromPoint?(x: number, y: number): Range | null;
  };
  const range = legacy.caretRangeFromPoint?.(x, y);
  return range ? { node: range.startContainer, offset: range.startOffset } : null;
}

/** Where a word is on the screen; null when it is in a part that was never laid out. */
export function boxOf(range: Range | null): DOMRect | null {
  const box = range?.getBoundingClientRect();
  return box && (box.width > 0 || box.height > 0) ? box : null;
}

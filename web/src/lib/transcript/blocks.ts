// The DOM of one paragraph: a head with the speaker and plain text, one span per segment.
import type { Segment } from '$lib/api/types';
import { m } from '$lib/i18n';
import { clock, initials } from '$lib/i18n/format';
import type { TranscriptModel, Turn } from './model';

export interface Block {
  turn: Turn;
  segments: readonly Segment[];
  element: HTMLElement;
  /** A guess of its height in pixels, before it was laid out. */
  height: number;
  /** Which speaker, name and colour the head shows. */
  headKey: string;
}

export function sameSegment(a: Segment, b: Segment): boolean {
  if (a === b) return true;
  return (
    a.uuid === b.uuid &&
    a.text === b.text &&
    a.start === b.start &&
    a.end === b.end &&
    a.speaker_uuid === b.speaker_uuid
  );
}

/** True when `block` already shows what `turn` says. */
export function shows(block: Block, model: TranscriptModel, turn: Turn): boolean {
  const count = turn.last - turn.first + 1;
  if (block.segments.length !== count || block.turn.opens !== turn.opens) return false;
  return block.segments.every((old, k) => sameSegment(old, model.segments[turn.first + k]));
}

export function headKey(model: TranscriptModel, turn: Turn): string {
  const speaker = turn.speakerUuid ? model.speakers.get(turn.speakerUuid) : undefined;
  return speaker ? `${speaker.uuid}|${speaker.name}|${speaker.color_index}` : '';
}

export function buildBlock(model: TranscriptModel, turn: Turn): Block {
  const element = document.createElement('section');
  const segments = model.segments.slice(turn.first, turn.last + 1);
  element.className = turn.opens ? 'turn opens' : 'turn';
  element.append(buildHead(model, turn), buildText(segments));
  const characters = segments.reduce((sum, segment) => sum + segment.text.length, 0);
  const lines = Math.max(1, Math.ceil(characters / 78));
  const height = lines * 29 + (turn.opens ? 46 : 16);
  paintSpeaker(element, model, turn);
  return { turn, segments, element, height, headKey: headKey(model, turn) };
}

export function repaintHead(block: Block, model: TranscriptModel, turn: Turn): void {
  const key = headKey(model, turn);
  block.turn = turn;
  block.segments = model.segments.slice(turn.first, turn.last + 1);
  if (key === block.headKey) return;
  block.headKey = key;
  block.element.firstElementChild?.replaceWith(buildHead(model, turn));
  paintSpeaker(block.element, model, turn);
}

function paintSpeaker(element: HTMLElement, model: TranscriptModel, turn: Turn): void {
  const speaker = turn.speakerUuid ? model.speakers.get(turn.speakerUuid) : undefined;
  const color = speaker ? `var(--speaker-${speaker.color_index % 10})` : 'var(--ink-faint)';
  element.style.setProperty('--speaker', color);
}

function buildHead(model: TranscriptModel, turn: Turn): HTMLElement {
  const head = document.createElement('div');
  head.className = 'turn-head';
  const speaker = turn.speakerUuid ? model.speakers.get(turn.speakerUuid) : undefined;
  if (turn.opens && speaker) {
    const name = button('speaker-name', 'speaker', m.file.renameSpeaker(speaker.name));
    // Its name is the speaker's, as everybody sees it; what a click does is the description.
    name.removeAttribute('aria-label');
    const face = document.createElement('span');
    face.className = 'face';
    face.setAttribute('aria-hidden', 'true');
    face.textContent = initials(speaker.name);
    const words = document.createElement('span');
    words.textContent = speaker.name;
    name.append(face, words);
    head.append(name);
  }
  const time = button('time numbers', 'play', m.file.playFrom(clock(turn.start)));
  time.textContent = clock(turn.start);
  head.append(time);
  if (model.source.status === 'final') {
    const edit = button('edit', 'edit', `${m.file.edit}, ${clock(turn.start)}`);
    edit.textContent = m.file.edit;
    head.append(edit);
  }
  return head;
}

function buildText(segments: readonly Segment[]): HTMLElement {
  const paragraph = document.createElement('p');
  paragraph.dir = 'auto';
  segments.forEach((segment, index) => {
    if (index > 0) paragraph.append(' ');
    const span = document.createElement('span');
    span.className = 'segment';
    if (segment.is_overlap) mark(span, 'overlap', m.file.overlap);
    if (segment.flags.includes('repaired')) mark(span, 'repaired', m.file.repaired);
    span.textContent = segment.text;
    paragraph.append(span);
  });
  return paragraph;
}

function mark(span: HTMLElement, name: string, title: string): void {
  span.classList.add(name);
  span.title = title;
}

function button(className: string, action: string, label: string): HTMLButtonElement {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = className;
  element.dataset.action = action;
  element.setAttribute('aria-label', label);
  element.title = label;
  return element;
}

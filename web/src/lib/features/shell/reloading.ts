// When the page may be loaded anew after an update without taking anything from the person.

const touched = new Set<HTMLElement>();

/** Remembers the fields that somebody typed into; returns how to stop. */
export function watchTyping(): () => void {
  const remember = (event: Event) => {
    if (event.target instanceof HTMLElement) touched.add(event.target);
  };
  document.addEventListener('input', remember, true);
  return () => document.removeEventListener('input', remember, true);
}

/** Whether something typed, chosen or played would be lost. */
export function isInUse(root: Document = document): boolean {
  const typed = [...touched].some((field) => field.isConnected && textOf(field) !== '');
  const open = root.querySelector('dialog[open], textarea, [contenteditable="true"]') !== null;
  const plays = [...root.querySelectorAll<HTMLMediaElement>('audio, video')].some(
    (medium) => !medium.paused
  );
  return typed || open || plays;
}

function textOf(field: HTMLElement): string {
  return 'value' in field ? String(field.value) : (field.textContent ?? '');
}

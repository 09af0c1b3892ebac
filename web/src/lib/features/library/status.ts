// What a file's state means to a person, and how the work on it goes.
import type { FileItem, JobView, StepView } from '$lib/api/types';
import { m } from '$lib/i18n';
import { roughly } from '$lib/i18n/format';

export type Tone = 'quiet' | 'busy' | 'good' | 'bad';

const BUSY = new Set(['processing', 'cancelling', 'uploading']);
const WAITING = new Set(['pending', 'queued']);
const BAD = new Set(['error', 'failed', 'orphaned']);

/** Wire states behind each choice of the filter. */
export const STATUS_GROUPS: Record<string, string[]> = {
  working: ['pending', 'queued', 'processing', 'cancelling'],
  ready: ['completed'],
  problem: ['error', 'orphaned', 'cancelled']
};

export function isUnderWay(status: string): boolean {
  return BUSY.has(status) || WAITING.has(status);
}

export function isBroken(status: string): boolean {
  return BAD.has(status) || status === 'cancelled';
}

export function toneOf(status: string): Tone {
  if (isUnderWay(status)) return 'busy';
  if (BAD.has(status)) return 'bad';
  return status === 'completed' ? 'good' : 'quiet';
}

export function statusName(status: string): string {
  return m.library.states[status] ?? status;
}

export function stepName(step: Pick<StepView, 'name' | 'label'>): string {
  return step.label || m.library.steps[step.name] || step.name;
}

/** One line about running work: "Writing down the words · about 2 min left". */
export function workLine(file: Pick<FileItem, 'status'>, job: JobView | null): string {
  if (!job) return statusName(file.status);
  if (job.status === 'queued' && job.queue_position)
    return m.library.queuePlace(job.queue_position);
  const step = job.steps.find((one) => one.status === 'running');
  const doing = step ? stepName(step) : job.message || statusName(file.status);
  const rest = job.eta_seconds;
  return rest !== null && rest !== undefined && rest > 0
    ? `${doing} · ${m.library.timeLeft(roughly(rest))}`
    : doing;
}

import { plural } from '../plural';

export const backup = {
  title: 'Backups',
  lead: 'A backup counts as proven once it was put back as a rehearsal, into a place of its own, and everything in it was found again.',
  last: 'Last good backup',
  none: 'There is none',
  rehearsed: 'Last rehearsal',
  neverRehearsed: 'Not rehearsed yet',
  tookBack: (time: string) => `everything was back after ${time}`,
  next: 'Next backup',
  nextDrill: 'next rehearsal',
  off: 'Not planned',
  free: 'Free on the disk',
  make: 'Back up now',
  drill: 'Rehearse a restore',
  drillHint: 'Puts the newest backup back into a place of its own; nothing in use is touched.',
  emptyTitle: 'There is no backup yet',
  emptyLead:
    'The first one takes a few seconds and a little longer with many recordings. Work goes on meanwhile.',
  names: {
    full: 'Everything',
    encrypted: 'Everything, encrypted',
    plain: 'Database only'
  } as Record<string, string>,
  states: {
    unknown: 'Not read again yet',
    checked: 'Read again and whole',
    drilled: 'Rehearsed',
    damaged: 'Damaged'
  } as Record<string, string>,
  rehearsedAt: (when: string) => `Rehearsed ${when}`,
  checkedAt: (when: string) => `Read again ${when}, whole`,
  meaning: 'What these words mean',
  meanings: [
    ['Read again and whole', 'Every byte was read back and is what was written.'],
    [
      'Rehearsed',
      'It was restored into a place of its own, compared with what was saved, and asked for what it holds. The time that took is how long a real restore takes.'
    ],
    ['Not read again yet', 'Nothing speaks against it, and nothing for it.'],
    ['Damaged', 'It is not what was written. It is never restored from; make another one.']
  ],
  actionsFor: (when: string) => `Actions for the backup of ${when}`,
  verify: 'Read it again',
  remove: 'Remove',
  removeTitle: 'Remove this backup?',
  removeHint: (when: string, size: string) =>
    `The backup of ${when} (${size}) is deleted from the disk. This cannot be undone; other backups stay.`,
  removeNow: 'Remove it',
  more: (count: number) =>
    plural(count, { one: 'Show # older backup', other: 'Show # older backups' }),
  running: {
    create: 'A backup is being made',
    verify: 'A backup is being read again',
    drill: 'A restore is being rehearsed',
    remove: 'A backup is being removed'
  } as Record<string, string>,
  since: (when: string) => `begun ${when}; you may leave this page`,
  asked: 'It begins in a moment.',
  plan: 'Plan of the backups',
  planTime: (at: string) => `every day at ${at}`,
  enabled: 'Back up every day',
  at: 'At',
  drillEnabled: 'Rehearse a restore every day',
  keep: 'Keep',
  keepLead: 'Older ones are removed by themselves; the last good one never is.',
  daily: 'Days',
  weekly: 'Weeks',
  monthly: 'Months',
  minimum: 'At least',
  encrypt: 'Encrypt them',
  encryptHint: 'They can then be opened with the recovery key only.',
  to: 'Copy each one to',
  toHint: 'A folder, s3://… or sftp://… on another machine; empty for nowhere.',
  save: 'Save the plan',
  saved: 'The plan is saved.'
};

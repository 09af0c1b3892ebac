import { plural } from '../plural';

export const upgrade = {
  title: 'Upgrade',
  lead: 'Every update is backed up, rehearsed and proven. One that does not prove well is put back by itself.',
  version: 'This installation',
  current: 'Version',
  offered: 'Offered',
  upToDate: 'This is the newest release.',
  neverChecked: 'Nobody has looked for an update yet',
  neverCheckedHint:
    'The check looks for a release, makes a verified backup and rehearses on a copy. It changes nothing that is in use.',
  check: 'Check for an update',
  update: 'Update now',
  goBack: 'Go back',
  goBackLong: 'Go back to before the last update',
  checking: 'Looking for an update',
  checkingHint:
    'A backup is made and the update is rehearsed on a copy. Work goes on meanwhile; you may leave this page.',
  preparing: 'The update is being prepared',
  preparingHint:
    'It is checked, backed up and rehearsed once more, then visitors wait for a moment.',
  goingBack: 'Going back is being prepared',
  goingBackHint: 'First a backup keeps what is there now.',
  slow: 'This takes longer than usual. What it is doing is said by:',
  running: (version: string) => `Updating to ${version}`,
  progress: 'Progress of the update',
  log: 'What was done',
  checked: 'What the last check found',
  checkedAt: (when: string) => `Checked ${when}`,
  ready: (version: string) => `${version} can be installed`,
  notReady: (version: string) => `${version} cannot be installed yet`,
  failed: 'The check did not get through',
  failedHint: 'Nothing was changed. Mend what it says, then check again.',
  stale: 'The last check was made for another release. Check again to see what is offered now.',
  backup: 'Verified backup',
  rehearsal: 'Rehearsed on a copy',
  rehearsalTook: (time: string) => `the database takes ${time}`,
  wait: 'Visitors wait',
  passed: (passed: number, of: number) => `${passed} of ${of} checks passed`,
  blockers: (count: number) =>
    plural(count, { one: '# thing must be mended first', other: '# things must be mended first' }),
  warnings: (count: number) => plural(count, { one: '# thing to know', other: '# things to know' }),
  notes: (count: number) => plural(count, { one: '# note', other: '# notes' }),
  copy: 'Copy',
  copied: 'Copied',
  copyOf: (title: string) => `Copy the command for: ${title}`,
  confirmUpdate: (version: string) => `Update to ${version}?`,
  confirmUpdateSteps: (wait: string) => [
    'Everything is checked, backed up and rehearsed once more.',
    `Visitors then wait for ${wait}. Open pages say so and go on by themselves; uploads pause and resume; recordings in work go on where they were.`,
    'The new release must prove itself before anyone is let in. If it does not, everything is put back by itself, and this page says why.'
  ],
  confirmBack: 'Go back to before the last update?',
  confirmBackSteps: [
    'The release and the database from before the update come back. Visitors wait for about half a minute.',
    'What was written since is kept, as a backup and as a database of its own, and is listed; but it is not in what you go back to.',
    'If going back fails, everything stays as it is now.'
  ],
  begin: 'Begin the update',
  beginBack: 'Go back now',
  updated: (version: string) => `OpenTranscribe is ${version} now`,
  updatedHint: 'The new release proved itself before anybody was let in.',
  putBack: (version: string) => `The update to ${version} was put back`,
  putBackHint: (version: string) =>
    `OpenTranscribe is ${version} as before, and nothing was lost. The reason:`,
  putBackNext: 'You can try again at any time. More is said by:',
  backPutBack: 'Going back did not work; everything is as it was',
  rolledBack: (version: string) => `OpenTranscribe is ${version} again`,
  rolledBackHint:
    'What was written since the update is kept in the backup named below, and listed in the file named below.',
  restored: 'A backup was restored',
  restoredHint:
    'What was there before is kept: ./opentr.sh restore --undo brings it back. What only it has is listed in the file named below.',
  written: 'List of what was written since',
  breaking: (count: number) =>
    plural(count, {
      one: '# change touches this installation',
      other: '# changes touch this installation'
    }),
  envChanges: 'Your settings in .env will change like this:',
  cutOff: {
    check: 'The check ended before it found anything',
    update: 'The update did not begin',
    rollback: 'Going back did not begin'
  } as Record<string, string>,
  cutOffHint: (when: string) =>
    `It was asked for on ${when}. Nothing was changed; you can ask again. Why it ended is said by:`,
  refused: 'The update did not begin',
  history: 'History',
  historyLead: 'What was done on this installation, newest first.',
  noHistory: 'There was no update yet.',
  results: {
    running: 'Under way',
    updated: 'Updated',
    put_back: 'Put back',
    refused: 'Did not begin',
    rolled_back: 'Went back',
    restored: 'Restored a backup'
  } as Record<string, string>,
  fromTo: (from: string, to: string) => `${from} → ${to}`,
  unknown: 'unknown'
};

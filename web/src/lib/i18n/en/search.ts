import { plural } from '../plural';

export const search = {
  title: 'Search',
  lead: 'Find the moment something was said.',
  field: 'Search all transcripts',
  mode: 'Find by',
  modeHybrid: 'Words and meaning',
  modeKeyword: 'Words only',
  speaker: 'Speaker',
  anySpeaker: 'Anyone',
  saidBy: 'Said by',
  language: 'Language',
  facet: (name: string, files: number) =>
    `${name}, ${plural(files, { one: '# recording', other: '# recordings' })}`,
  from: 'From',
  to: 'To',
  results: (hits: number, files: number) =>
    `${plural(hits, { one: '# moment', other: '# moments' })} in ${plural(files, { one: '# recording', other: '# recordings' })}`,
  took: (ms: number) => `${ms < 1 ? '<1' : Math.round(ms)} ms`,
  didYouMean: 'Did you mean',
  noneTitle: (query: string) => `Nothing found for “${query}”`,
  noneHint: 'Try fewer words, another spelling, or search by words and meaning.',
  noneFiltered: 'The filters leave nothing. Take one away, or try other words.',
  more: (count: number) => `${plural(count, { one: '# more moment', other: '# more moments' })}`,
  byMeaning: 'by meaning',
  playAt: (at: string) => `Play at ${at}`,
  tips: 'Put words in “quotes” for an exact phrase. Write speaker:name to hear one person only.',
  clear: 'Clear filters',
  next: 'More results'
};

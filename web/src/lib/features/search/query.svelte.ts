// One search: what was asked, what was found, page by page. The address holds the question.
import { messageOf, request, type Query } from '$lib/api/client';
import type { SearchAnswer, SearchFacets, SearchHit } from '$lib/api/types';

const PAGE_SIZE = 20;

export interface Question {
  text: string;
  mode: string;
  speaker: string;
  language: string;
  from: string;
  to: string;
}

export function questionOf(params: URLSearchParams): Question {
  const read = (name: string) => params.get(name) ?? '';
  return {
    text: read('q'),
    mode: params.get('mode') === 'keyword' ? 'keyword' : 'hybrid',
    speaker: read('speaker'),
    language: read('language'),
    from: read('from'),
    to: read('to')
  };
}

export function paramsOf(question: Question): URLSearchParams {
  const params = new URLSearchParams();
  if (question.text) params.set('q', question.text);
  if (question.mode !== 'hybrid') params.set('mode', question.mode);
  if (question.speaker) params.set('speaker', question.speaker);
  if (question.language) params.set('language', question.language);
  if (question.from) params.set('from', question.from);
  if (question.to) params.set('to', question.to);
  return params;
}

export class SearchState {
  answer = $state.raw<SearchAnswer | null>(null);
  hits = $state.raw<SearchHit[]>([]);
  /** What can be chosen to narrow the answer; counted with its first page. */
  facets = $state.raw<SearchFacets | null>(null);
  busy = $state(false);
  error = $state('');
  speakers = $state<string[]>([]);
  #running: AbortController | null = null;

  get hasMore(): boolean {
    return this.answer !== null && this.answer.page < this.answer.total_pages;
  }

  async loadFilters(): Promise<void> {
    try {
      this.speakers = (await request<{ speakers: string[] }>('GET', '/search/filters')).speakers;
    } catch {
      // Without the list the filter offers everyone only.
    }
  }

  async ask(question: Question, page = 1): Promise<void> {
    this.#running?.abort();
    this.error = '';
    if (!question.text.trim()) {
      this.answer = null;
      this.hits = [];
      this.facets = null;
      return;
    }
    const running = new AbortController();
    this.#running = running;
    this.busy = true;
    try {
      const query = toQuery(question, page);
      const answer = await request<SearchAnswer>('GET', '/search', {
        query,
        signal: running.signal
      });
      this.answer = answer;
      if (page === 1) this.facets = answer.facets;
      this.hits = page === 1 ? answer.results : [...this.hits, ...answer.results];
    } catch (error) {
      if (!running.signal.aborted) this.error = messageOf(error);
    } finally {
      if (this.#running === running) this.busy = false;
    }
  }
}

function toQuery(question: Question, page: number): Query {
  return {
    q: question.text.trim(),
    page,
    page_size: PAGE_SIZE,
    search_mode: question.mode,
    facets: page === 1,
    speakers: question.speaker ? [question.speaker] : [],
    languages: question.language ? [question.language] : [],
    date_from: question.from ? `${question.from}T00:00:00Z` : '',
    date_to: question.to ? `${question.to}T23:59:59Z` : ''
  };
}

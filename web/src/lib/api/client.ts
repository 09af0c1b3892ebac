// The one way to the API: JSON in and out, CSRF header, problem+json as ApiError.
import { base } from '$app/paths';

export type Query = Record<
  string,
  string | number | boolean | readonly string[] | null | undefined
>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  form?: URLSearchParams | FormData;
  signal?: AbortSignal;
  /** A 401 normally leads to the log-in page; the log-in form itself wants to see it. */
  quiet?: boolean;
}

/** What the server said in plain words, or that it could not be reached (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Record<string, unknown> = {}
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** What an update refused to show can be shown as soon as the new release answers. */
const REFUSED_AGAIN_MS = 700;

let signedOut: () => void = () => {};

export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

/** What holds requests while the server is updated. */
export interface Hold {
  notice(error: ApiError): void;
  over(signal?: AbortSignal): Promise<void>;
}

let held: Hold = { notice: () => {}, over: () => Promise.resolve() };

export function onMaintenance(hold: Hold): void {
  held = hold;
}

export function apiUrl(path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === null || value === undefined || value === '') continue;
    if (Array.isArray(value)) for (const one of value) search.append(name, one);
    else search.append(name, String(value));
  }
  const tail = search.toString();
  return `${base}/api${path}${tail ? `?${tail}` : ''}`;
}

export function csrfToken(cookies: string = document.cookie): string | null {
  const found = /(?:^|;\s*)csrf_token=([^;]*)/.exec(cookies);
  return found ? decodeURIComponent(found[1]) : null;
}

/** A request that an update refused was not carried out: it is sent again, when the update is over.
 * What only reads is refused for a moment at most, and asks again soon. */
export async function request<T>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  options: RequestOptions = {}
): Promise<T> {
  let wasRefused = false;
  for (;;) {
    if (method !== 'GET') await held.over(options.signal);
    else if (wasRefused) await pause(REFUSED_AGAIN_MS, options.signal);
    const response = await send(apiUrl(path, options.query), initOf(method, options));
    if (response.status === 204) return undefined as T;
    if (response.ok) return (await response.json()) as T;
    const error = await problem(response);
    if (error.code !== 'maintenance') {
      if (error.status === 401 && !options.quiet) signedOut();
      throw error;
    }
    held.notice(error);
    wasRefused = true;
  }
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

function initOf(method: string, options: RequestOptions): RequestInit {
  const headers = new Headers({ Accept: 'application/json' });
  let body: BodyInit | undefined;
  if (options.form) body = options.form;
  else if (options.body !== undefined) {
    headers.set('Content-Type', 'application/json');
    body = JSON.stringify(options.body);
  }
  const token = csrfToken();
  if (method !== 'GET' && token) headers.set('X-CSRF-Token', token);
  return { method, headers, body, signal: options.signal, credentials: 'same-origin' };
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(
      0,
      'unreachable',
      'The server does not answer. Nothing was lost; try again in a moment.'
    );
  }
}

async function problem(response: Response): Promise<ApiError> {
  const fallback = `The server answered with ${response.status}. Try again in a moment.`;
  try {
    const content = (await response.json()) as Record<string, unknown>;
    const detail = typeof content.detail === 'string' ? content.detail : content.title;
    const code = typeof content.code === 'string' ? content.code : 'error';
    const message = typeof detail === 'string' && detail ? detail : fallback;
    return new ApiError(response.status, code, message, content);
  } catch {
    return new ApiError(response.status, 'error', fallback);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// Who is signed in, and the ways in and out.
import { goto } from '$app/navigation';
import { base } from '$app/paths';
import { ApiError, onSignedOut, request } from '$lib/api/client';
import type { User } from '$lib/api/types';
import { live } from '$lib/live/socket.svelte';

class Session {
  user = $state<User | null>(null);
  state = $state<'unknown' | 'in' | 'out' | 'unreachable'>('unknown');

  get isAdmin(): boolean {
    return this.user?.role === 'admin' || this.user?.role === 'super_admin';
  }

  constructor() {
    onSignedOut(() => this.#left());
  }

  async restore(): Promise<void> {
    try {
      this.#entered(await request<User>('GET', '/auth/me', { quiet: true }));
    } catch (error) {
      const refused = error instanceof ApiError && (error.status === 401 || error.status === 403);
      this.state = refused ? 'out' : 'unreachable';
    }
  }

  async logIn(email: string, password: string): Promise<void> {
    const form = new URLSearchParams({ username: email, password });
    await request('POST', '/auth/login', { form, quiet: true });
    this.#entered(await request<User>('GET', '/auth/me', { quiet: true }));
  }

  async setUp(token: string, email: string, password: string, fullName: string): Promise<void> {
    const body = { token, email, password, full_name: fullName || undefined };
    await request('POST', '/setup', { body, quiet: true });
    this.#entered(await request<User>('GET', '/auth/me', { quiet: true }));
  }

  async logOut(everywhere = false): Promise<void> {
    await request('POST', everywhere ? '/auth/logout/all' : '/auth/logout', { quiet: true });
    live.close();
    this.user = null;
    this.state = 'out';
    await goto(`${base}/login`);
  }

  update(user: User): void {
    this.user = user;
  }

  #entered(user: User): void {
    this.user = user;
    this.state = 'in';
    live.open();
  }

  #left(): void {
    if (this.state !== 'in') return;
    live.close();
    this.user = null;
    this.state = 'out';
  }
}

export const session = new Session();

/** Only a path of this page is followed after log-in, never an address elsewhere. */
export function safeReturnPath(next: string | null): string {
  if (!next || !next.startsWith('/') || next.startsWith('//') || next.includes('\\')) return '/';
  return next;
}

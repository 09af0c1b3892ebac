// The version of the running system, asked once.
import { request } from '$lib/api/client';

class SystemInfo {
  version = $state('');

  async load(): Promise<void> {
    if (this.version) return;
    try {
      const answer = await request<{ version?: string }>('GET', '/version', { quiet: true });
      this.version = answer.version ?? '';
    } catch {
      // The line stays empty; the page itself says when the server does not answer.
    }
  }
}

export const systemInfo = new SystemInfo();

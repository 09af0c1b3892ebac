// What can be done with a recording from the list or its page.
import { messageOf, request } from '$lib/api/client';
import type { JobView, MediaFile } from '$lib/api/types';
import { m } from '$lib/i18n';
import { toasts } from '$lib/ui/toasts.svelte';

async function attempt<T>(work: () => Promise<T>, done?: string): Promise<T | null> {
  try {
    const result = await work();
    if (done) toasts.show(done);
    return result;
  } catch (error) {
    toasts.fail(messageOf(error));
    return null;
  }
}

export async function deleteFile(uuid: string): Promise<boolean> {
  const done = await attempt(async () => {
    await request('DELETE', `/files/${uuid}`);
    return true;
  }, m.library.deleted);
  return done === true;
}

export function retryFile(uuid: string): Promise<JobView | null> {
  return attempt(() => request<JobView>('POST', `/files/${uuid}/retry`), m.library.retrying);
}

export function cancelFile(uuid: string): Promise<unknown> {
  return attempt(() => request('POST', `/files/${uuid}/cancel`));
}

export function addSample(): Promise<MediaFile | null> {
  return attempt(() => request<MediaFile>('POST', '/files/sample'));
}

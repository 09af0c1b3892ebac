// The page's side of the checksum worker.
import type { HashMessage } from './hash.worker';
import HashWorker from './hash.worker?worker';

export function sha256(
  file: File,
  progress: (bytes: number) => void,
  signal: AbortSignal
): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new HashWorker();
    const finish = (settle: () => void) => {
      worker.terminate();
      settle();
    };
    signal.addEventListener('abort', () => finish(() => reject(signal.reason)), { once: true });
    worker.onerror = (event) => finish(() => reject(new Error(event.message)));
    worker.onmessage = ({ data }: MessageEvent<HashMessage>) => {
      if (data.kind === 'progress') progress(data.bytes);
      else if (data.kind === 'done') finish(() => resolve(data.hex));
      else finish(() => reject(new Error(data.message)));
    };
    worker.postMessage(file);
  });
}

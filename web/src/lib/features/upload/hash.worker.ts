// SHA-256 of a file in pieces, so that a large one needs no more memory than one piece. Plain
// JavaScript: WebAssembly is twice as fast, but would need a weaker Content-Security-Policy.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

const PIECE_BYTES = 8 * 1024 * 1024;

export type HashMessage =
  | { kind: 'progress'; bytes: number }
  | { kind: 'done'; hex: string }
  | { kind: 'failed'; message: string };

function say(message: HashMessage): void {
  self.postMessage(message);
}

self.onmessage = async (event: MessageEvent<File>) => {
  try {
    const file = event.data;
    const hasher = sha256.create();
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      const piece = await file.slice(at, at + PIECE_BYTES).arrayBuffer();
      hasher.update(new Uint8Array(piece));
      say({ kind: 'progress', bytes: Math.min(file.size, at + PIECE_BYTES) });
    }
    say({ kind: 'done', hex: bytesToHex(hasher.digest()) });
  } catch (error) {
    say({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
};

import { describe, expect, it } from 'vitest';
import { backOffSeconds, parseEnvelope } from './events';

describe('parseEnvelope', () => {
  it('reads an event about a file', () => {
    const frame = JSON.stringify({ type: 'file_updated', data: { file_id: 'f' } });
    expect(parseEnvelope(frame)).toEqual({ type: 'file_updated', data: { file_id: 'f' } });
  });
  it.each([
    ['not json'],
    ['null'],
    ['{"type":"echo","data":{"file_id":"f"}}'],
    ['{"type":"file_updated","data":{}}'],
    ['{"type":"file_updated"}']
  ])('passes over %s', (frame) => expect(parseEnvelope(frame)).toBeNull());
});

describe('backOffSeconds', () => {
  it('doubles up to half a minute', () => {
    const steady = (attempt: number) => backOffSeconds(attempt, () => 0.5);
    expect([0, 1, 2, 9].map(steady)).toEqual([0.5, 1, 2, 30]);
  });
});

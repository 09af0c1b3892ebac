import { describe, expect, it } from 'vitest';
import {
  metadataOf,
  PLAIN_OPTIONS,
  secondsLeft,
  SpeedMeter,
  startable,
  type UploadState
} from './queue';

const items = (...states: UploadState[]) => states.map((state, id) => ({ id, state }));

describe('startable', () => {
  it('starts the oldest waiting files up to the limit', () => {
    const chosen = startable(items('done', 'waiting', 'waiting', 'waiting', 'waiting'), 3);
    expect(chosen.map((item) => item.id)).toEqual([1, 2, 3]);
  });
  it('counts checking and sending as running', () => {
    expect(startable(items('hashing', 'sending', 'waiting', 'waiting'), 3)).toHaveLength(1);
  });
  it('starts nothing while all places are taken', () => {
    expect(startable(items('sending', 'sending', 'sending', 'waiting'), 3)).toEqual([]);
  });
  it('gives the place of a paused or failed file to the next', () => {
    expect(startable(items('paused', 'failed', 'sending', 'waiting'), 2)).toHaveLength(1);
  });
});

describe('SpeedMeter', () => {
  it('measures over the window only', () => {
    const meter = new SpeedMeter(4000);
    meter.add(0, 0);
    meter.add(2000, 2_000_000);
    expect(meter.add(4000, 4_000_000)).toBe(1_000_000);
    meter.add(6000, 4_000_000);
    expect(meter.add(10_000, 4_000_000)).toBe(0);
  });
  it('says nothing from one sample', () => {
    expect(new SpeedMeter().add(5, 100)).toBe(0);
  });
});

describe('secondsLeft', () => {
  it('divides what is left by the speed', () => {
    expect(secondsLeft({ size: 100, sent: 40, bytesPerSecond: 20 })).toBe(3);
  });
  it('is unknown without a speed', () => {
    expect(secondsLeft({ size: 100, sent: 40, bytesPerSecond: 0 })).toBeNull();
  });
});

describe('metadataOf', () => {
  const file = { name: 'talk.mp3', type: '' };
  it('sends only what was chosen', () => {
    expect(metadataOf(file, 'ab', PLAIN_OPTIONS)).toEqual({
      filename: 'talk.mp3',
      filetype: 'application/octet-stream',
      sha256: 'ab'
    });
  });
  it('names speakers, language and translation', () => {
    const options = {
      ...PLAIN_OPTIONS,
      minSpeakers: 2,
      maxSpeakers: 4,
      language: 'de',
      translate: true
    };
    expect(metadataOf(file, 'ab', options)).toMatchObject({
      min_speakers: '2',
      max_speakers: '4',
      language: 'de',
      task: 'translate'
    });
  });
});

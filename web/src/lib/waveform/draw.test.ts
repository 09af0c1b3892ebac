import { describe, expect, it } from 'vitest';
import { barColors, resample } from './draw';

describe('resample', () => {
  it('keeps the loudest of each part', () => {
    const peaks: [number, number][] = [
      [-0.1, 0.2],
      [-0.75, 0.1],
      [0, 0.3],
      [-0.2, 0.25]
    ];
    expect([...resample(peaks, 2)].map((value) => Math.round(value * 100))).toEqual([75, 30]);
  });
  it('stretches few peaks over many bars', () => {
    expect([...resample([[0, 0.5]], 3)]).toEqual([0.5, 0.5, 0.5]);
  });
});

describe('barColors', () => {
  it('colours each bar by who speaks at its middle, and silence by nobody', () => {
    const regions = [
      { start: 0, end: 2, color: 0 },
      { start: 3, end: 4, color: 1 }
    ];
    expect([...barColors(regions, 4, 4)]).toEqual([0, 0, -1, 1]);
  });
});

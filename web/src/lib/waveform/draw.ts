// Draws the waveform: one bar per few pixels, coloured by who speaks.
export interface WaveColors {
  idle: string;
  accent: string;
  playhead: string;
  loop: string;
  speakers: string[];
}

export interface Region {
  start: number;
  end: number;
  /** Index into the speakers' colours; -1 for nobody known. */
  color: number;
}

export interface WaveScene {
  peaks: readonly (readonly number[])[];
  duration: number;
  time: number;
  regions: readonly Region[];
  colors: WaveColors;
  loop: { start: number; end: number | null } | null;
}

const BAR_PIXELS = 2;
const GAP_PIXELS = 1;

/** The loudest peak of each of `count` equal parts, 0..1. */
export function resample(peaks: WaveScene['peaks'], count: number): Float32Array {
  const bars = new Float32Array(count);
  for (let bar = 0; bar < count; bar += 1) {
    const from = Math.floor((bar * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * peaks.length) / count));
    for (let k = from; k < to && k < peaks.length; k += 1)
      bars[bar] = Math.max(bars[bar], Math.abs(peaks[k][0]), Math.abs(peaks[k][1]));
  }
  return bars;
}

/** For each bar the colour of the region at its middle; regions ascend by start. */
export function barColors(regions: readonly Region[], count: number, duration: number): Int16Array {
  const colors = new Int16Array(count).fill(-1);
  let at = 0;
  for (let bar = 0; bar < count; bar += 1) {
    const middle = ((bar + 0.5) / count) * duration;
    while (at + 1 < regions.length && regions[at + 1].start <= middle) at += 1;
    const region = regions[at];
    if (region && region.start <= middle && middle < region.end) colors[bar] = region.color;
  }
  return colors;
}

export function drawWave(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  scene: WaveScene
): void {
  const count = Math.max(1, Math.floor(width / (BAR_PIXELS + GAP_PIXELS)));
  const bars = resample(scene.peaks, count);
  // Quiet recordings fill the height too; only the shape matters here.
  const loudest = bars.reduce((most, bar) => Math.max(most, bar), 0.02);
  const colors = barColors(scene.regions, count, scene.duration);
  const played = scene.duration > 0 ? (scene.time / scene.duration) * width : 0;
  context.clearRect(0, 0, width, height);
  paintLoop(context, width, height, scene);
  for (let bar = 0; bar < count; bar += 1) {
    const x = bar * (BAR_PIXELS + GAP_PIXELS);
    const size = Math.max(2, (bars[bar] / loudest) * (height - 6));
    const color = colors[bar];
    context.globalAlpha = x <= played ? 1 : 0.42;
    context.fillStyle =
      color < 0 ? scene.colors.idle : scene.colors.speakers[color % scene.colors.speakers.length];
    context.fillRect(x, (height - size) / 2, BAR_PIXELS, size);
  }
  context.globalAlpha = 1;
  context.fillStyle = scene.colors.playhead;
  context.fillRect(Math.min(width - 2, Math.max(0, played - 1)), 0, 2, height);
}

function paintLoop(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  scene: WaveScene
): void {
  if (!scene.loop || scene.duration <= 0) return;
  const from = (scene.loop.start / scene.duration) * width;
  const to = ((scene.loop.end ?? scene.time) / scene.duration) * width;
  context.globalAlpha = 0.18;
  context.fillStyle = scene.colors.loop;
  context.fillRect(from, 0, Math.max(1, to - from), height);
  context.globalAlpha = 1;
}

/**
 * How many messages came when, by severity: counted by the second in which the server received them, drawn as bars.
 * @module
 */

import { count } from './text.js';

/** The number of bars, and the chart's height in its own units. Its width is one unit per bar. */
export const BARS = 120;
const HEIGHT = 40;

/** The ranges that can be drawn, by the seconds of a bar. */
export const RANGES = new Map([[1, 'two minutes'], [5, 'ten minutes'], [30, 'hour']]);

/** What is remembered, in seconds. */
const SPAN = BARS * 30;

/** A second's counts, by class: error and worse, warning, the rest. */
const classOf = (severity) => (severity <= 3 ? 0 : severity === 4 ? 1 : 2);

export class Histogram {
  /** The seconds of a bar. */
  step = 1;
  #counts = new Map();
  #ahead = 0;

  /** @param {number} milliseconds the server's clock now, since 1970 */
  setServerTime(milliseconds) {
    this.#ahead = milliseconds - Date.now();
  }

  /** The server's clock, in milliseconds since 1970. */
  get now() {
    return Date.now() + this.#ahead;
  }

  /**
   * @param {number} received by the server's clock, in milliseconds; NaN for now
   * @param {number} severity
   */
  add(received, severity) {
    const now = Math.floor(this.now / 1000);
    const second = Math.min(Number.isNaN(received) ? now : Math.floor(received / 1000), now);
    if (second <= now - SPAN) return;
    let counts = this.#counts.get(second);
    if (counts === undefined) this.#counts.set(second, (counts = [0, 0, 0]));
    counts[classOf(severity)]++;
    if (this.#counts.size > SPAN + 10) this.#forget(now);
  }

  /** When the first bar begins, in seconds since 1970. The last one ends with the last whole step. */
  get start() {
    return Math.floor(this.now / 1000 / this.step) * this.step - BARS * this.step;
  }

  /** @returns {number[][]} the counts of each bar, the newest last */
  series() {
    const start = this.start;
    const bars = Array.from({ length: BARS }, () => [0, 0, 0]);
    for (const [second, counts] of this.#counts) {
      const bar = bars[Math.floor((second - start) / this.step)];
      if (bar && second >= start) counts.forEach((n, i) => { bar[i] += n; });
    }
    return bars;
  }

  #forget(now) {
    for (const second of this.#counts.keys()) if (second <= now - SPAN || second > now) this.#counts.delete(second);
  }
}

/**
 * Draws a histogram.
 * @param {SVGElement} svg with a path for each class, in a view of BARS × HEIGHT
 * @param {Element} caption
 * @param {Histogram} histogram
 */
export function draw(svg, caption, histogram) {
  const series = histogram.series();
  const sums = series.map((counts) => counts.reduce((a, b) => a + b));
  const most = Math.max(...sums);
  const paths = ['', '', ''];
  series.forEach((counts, x) => {
    let y = HEIGHT;
    counts.forEach((n, i) => {
      if (n === 0) return;
      const height = Math.max((n / most) * HEIGHT, 1);
      paths[i] += `M${x} ${y.toFixed(2)}v${(-height).toFixed(2)}h0.8v${height.toFixed(2)}z`;
      y = Math.max(y - height, 0);
    });
  });
  svg.querySelectorAll('path').forEach((path, i) => path.setAttribute('d', paths[i]));
  const perSecond = (n) => count(Math.round((n / histogram.step) * 10) / 10);
  const mean = sums.reduce((a, b) => a + b) / BARS;
  const now = sums.at(-1);
  caption.textContent = `${perSecond(now)}/s, peak ${perSecond(most)}/s`;
  svg.setAttribute(
    'aria-label',
    `Messages per second in the last ${RANGES.get(histogram.step)}: now ${perSecond(now)}, mean ${perSecond(mean)}, ` +
      `peak ${perSecond(most)}. Arrow keys choose a span of time`,
  );
}

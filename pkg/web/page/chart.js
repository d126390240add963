/**
 * The messages per second in the last two minutes, as a chart and in words.
 * @module
 */

import { count } from './text.js';

/** The time that the chart covers, in seconds. */
const SPAN = 120;

/** The chart's height in its own units. Its width is one unit per second. */
const HEIGHT = 40;

/** Counts messages by the second in which the server received them, also those that it sends from its memory. */
export class Rate {
  #counts = new Map();
  #ahead = 0;

  /** @param {number} milliseconds the server's clock now, since 1970 */
  setServerTime(milliseconds) {
    this.#ahead = milliseconds - Date.now();
  }

  /** @param {number} time of a message, by the server's clock; NaN for now */
  add(time) {
    const now = this.#now();
    const second = Math.min(Number.isNaN(time) ? now : Math.floor(time / 1000), now);
    if (second > now - SPAN) this.#counts.set(second, (this.#counts.get(second) ?? 0) + 1);
  }

  /** @returns {number[]} the count of each whole second, the newest last */
  series() {
    const now = this.#now();
    for (const second of this.#counts.keys()) {
      if (second < now - SPAN || second > now) this.#counts.delete(second);
    }
    return Array.from({ length: SPAN }, (_, i) => this.#counts.get(now - SPAN + i) ?? 0);
  }

  #now() {
    return Math.floor((Date.now() + this.#ahead) / 1000);
  }
}

/**
 * Draws a series.
 * @param {SVGElement} svg with one path, in a view of SPAN × HEIGHT
 * @param {Element} caption
 * @param {number[]} series
 */
export function draw(svg, caption, series) {
  const most = Math.max(...series);
  const bars = series.map((n, i) => {
    const height = most === 0 ? 0 : Math.max((n / most) * HEIGHT, n > 0 ? 1 : 0);
    return height === 0 ? '' : `M${i} ${HEIGHT}v${(-height).toFixed(2)}h0.8v${height.toFixed(2)}z`;
  });
  svg.querySelector('path').setAttribute('d', bars.join(''));
  const mean = series.reduce((sum, n) => sum + n, 0) / SPAN;
  const now = series.at(-1);
  caption.textContent = `${count(now)}/s, peak ${count(most)}/s`;
  svg.setAttribute(
    'aria-label',
    `Messages per second in the last two minutes: now ${count(now)}, mean ${count(Math.round(mean * 10) / 10)}, peak ${count(most)}`,
  );
}

/**
 * A span of time that is chosen in the histogram, with the mouse or the arrow keys.
 * @module
 */

import { BARS } from './histogram.js';

export class Span {
  /** The span in milliseconds since 1970, null if there is none. @type {{from: number, to: number} | null} */
  chosen = null;

  #svg;
  #rect;
  #histogram;
  #clock;
  #onChange;
  #anchor = -1; // the bar where the drag began

  /**
   * @param {SVGElement} svg has a rect for the span
   * @param {import('./histogram.js').Histogram} histogram
   * @param {import('./clock.js').Clock} clock
   * @param {() => void} onChange
   */
  constructor(svg, histogram, clock, onChange) {
    this.#svg = svg;
    this.#rect = svg.querySelector('rect');
    this.#histogram = histogram;
    this.#clock = clock;
    this.#onChange = onChange;
    svg.addEventListener('pointerdown', (event) => this.#begin(event));
    svg.addEventListener('pointermove', (event) => this.#anchor >= 0 && this.#choose(this.#anchor, this.#barAt(event)));
    svg.addEventListener('pointerup', () => this.#end());
    svg.addEventListener('pointercancel', () => this.#end());
    svg.addEventListener('keydown', (event) => this.#key(event));
  }

  /** The span in words. */
  get words() {
    if (this.chosen === null) return 'all';
    return `${this.#clock.seconds(this.chosen.from)} to ${this.#clock.seconds(this.chosen.to)}`;
  }

  /** Chooses no span. */
  clear() {
    if (this.chosen === null) return;
    this.chosen = null;
    this.draw();
    this.#onChange();
  }

  /** Draws the span where it is now. */
  draw() {
    const { from = 0, to = 0 } = this.chosen ?? {};
    const [left, right] = [from, to].map((time) => Math.min(Math.max(this.#barOf(time), 0), BARS));
    this.#rect.setAttribute('x', left);
    this.#rect.setAttribute('width', right - left);
    this.#svg.setAttribute('aria-valuenow', Math.round(left));
    this.#svg.setAttribute('aria-valuetext', this.words);
  }

  #barOf(time) {
    return (time / 1000 - this.#histogram.start) / this.#histogram.step;
  }

  #barAt(event) {
    const { left, width } = this.#svg.getBoundingClientRect();
    return Math.min(Math.max(Math.floor(((event.clientX - left) / width) * BARS), 0), BARS - 1);
  }

  #choose(a, b) {
    const { start, step } = this.#histogram;
    this.chosen = { from: (start + Math.min(a, b) * step) * 1000, to: (start + (Math.max(a, b) + 1) * step) * 1000 };
    this.draw();
  }

  #begin(event) {
    if (event.button !== 0) return;
    this.#svg.setPointerCapture(event.pointerId);
    this.#anchor = this.#barAt(event);
    this.#choose(this.#anchor, this.#anchor);
  }

  #end() {
    if (this.#anchor < 0) return;
    this.#anchor = -1;
    this.#onChange();
  }

  /** Moves the span with the arrow keys; with Shift, its end. */
  #key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (this.chosen === null) {
      this.#choose(BARS - 1, BARS - 1);
    } else {
      const step = by * this.#histogram.step * 1000;
      const { from, to } = this.chosen;
      const moved = { from: event.shiftKey ? from : from + step, to: to + step };
      if (moved.to > moved.from) this.chosen = moved;
      this.draw();
    }
    this.#onChange();
  }
}

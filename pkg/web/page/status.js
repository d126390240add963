/**
 * The page's status: the connection's state, the counters, and a summary for screen readers.
 * @module
 */

import { count, counted } from './text.js';

/** The shortest time between two spoken summaries, in milliseconds. */
const SUMMARY = 10_000;

/** @typedef {import('./stream.js').State} State */

/**
 * @typedef {object} Counts of the lines that were received. Each is shown, hidden or forgotten
 * @property {number} matching those in memory that the view shows
 * @property {number} hidden those in memory that it does not
 * @property {number} forgotten those that are not in memory any more
 * @property {number} skipped those of the forgotten that were never on the page
 */

export class Status {
  /** Since the view was opened or cleared. */
  received = 0;
  unreadable = 0;
  /** Lines with the severity error or worse. */
  errors = 0;
  /** The messages that this reader has missed, as the server counts them, and those that the server has missed. */
  missed = 0;
  gaps = 0;
  /** Whether there was a gap of unknown size. */
  unknown = false;
  /** Since when the state is what it is, in milliseconds since 1970. */
  since = Date.now();

  #elements;
  #clock;
  #upstream;
  #state = { name: 'connecting' };
  #summary = { time: performance.now(), received: 0, errors: 0 };
  #paused = false;

  /**
   * @param {Record<string, HTMLElement>} elements by their ids
   * @param {import('./clock.js').Clock} clock
   * @param {import('./upstream.js').Upstream} upstream
   */
  constructor(elements, clock, upstream) {
    this.#elements = elements;
    this.#clock = clock;
    this.#upstream = upstream;
  }

  get state() {
    return this.#state;
  }

  /** @param {State} state */
  setState(state) {
    const away = (name) => name === 'connecting' || name === 'waiting';
    const stillAway = state.name === 'live' ? false : away(this.#state.name) && away(state.name);
    if (!stillAway) this.since = Date.now();
    const again = state.name === 'connecting' && this.#state.name === 'waiting';
    this.#state = again ? { ...state, reason: this.#state.reason } : state; // it is still away
    this.#elements['token-again'].hidden = state.name !== 'unauthorized';
    this.#showState();
    if (state.name !== 'connecting') this.announce(this.#words());
  }

  /** Sets all counters to zero. */
  reset() {
    this.received = this.unreadable = this.errors = this.missed = this.gaps = 0;
    this.unknown = false;
    this.#summary = { time: performance.now(), received: 0, errors: 0 };
  }

  /**
   * @param {Counts} counts
   * @param {boolean} paused
   */
  update({ matching, hidden, forgotten, skipped }, paused) {
    this.#paused = paused;
    this.#showState();
    const lost = this.missed + this.gaps;
    const { received, unreadable } = this;
    for (const [id, n] of Object.entries({ received, matching, hidden, forgotten, skipped, unreadable, lost })) {
      const element = this.#elements[id];
      element.textContent = count(n);
      element.parentElement.classList.toggle('some', n > 0);
      if (id !== 'received' && id !== 'lost') element.parentElement.hidden = n === (id === 'matching' ? received : 0);
    }
    if (this.unknown) {
      this.#elements.lost.textContent = lost > 0 ? `${count(lost)} + unknown` : 'unknown';
      this.#elements.lost.parentElement.classList.add('some');
    }
    this.#summarize();
  }

  /** @param {string} text for screen readers */
  announce(text) {
    this.#elements.announcer.textContent = text;
  }

  #showState() {
    const { state, 'state-text': element } = this.#elements;
    const name = this.#shownName();
    if (state.dataset.state !== name) state.dataset.state = name;
    const text = this.#words();
    if (element.textContent !== text) element.textContent = text;
  }

  #shownName() {
    if (this.#state.name === 'live' && this.#upstream.up === false) return 'silent';
    return this.#state.name === 'live' && this.#paused ? 'paused' : this.#state.name;
  }

  #words() {
    const { name, reason, until } = this.#state;
    switch (name) {
      case 'live': {
        const words = [this.#paused ? 'paused, live' : 'live', this.#upstream.words(this.#clock)].filter(Boolean);
        return this.#upstream.up === false ? words.reverse().slice(0, this.#paused ? 2 : 1).join(', ') : words.join(', ');
      }
      case 'waiting': {
        const seconds = Math.max(Math.ceil((until - performance.now()) / 1000), 0);
        return `away since ${this.#clock.seconds(this.since)}: ${reason}, reconnecting in ${seconds} s`;
      }
      case 'connecting':
        return reason ? `away since ${this.#clock.seconds(this.since)}: ${reason}, connecting` : 'connecting';
      case 'refused':
        return 'stopped: wrong filter';
      default:
        return name;
    }
  }

  #summarize() {
    const now = performance.now();
    const lines = this.received - this.#summary.received;
    if (now - this.#summary.time < SUMMARY || lines === 0) return;
    const errors = this.errors - this.#summary.errors;
    this.announce(`${counted(lines, 'new line')}, ${counted(errors, 'error')}`);
    this.#summary = { time: now, received: this.received, errors: this.errors };
  }
}

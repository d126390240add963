/**
 * The page's status: the connection's state, the counters, and a summary for screen readers.
 * @module
 */

import { count, counted } from './text.js';

/** The shortest time between two spoken summaries, in milliseconds. */
const SUMMARY = 10_000;

/** @typedef {import('./stream.js').State} State */

export class Status {
  /** Since the view was opened or cleared. */
  received = 0;
  below = 0;
  unreadable = 0;
  /** Lines with the severity error or worse. */
  errors = 0;
  /** The messages that this reader has missed, as the server counts them. */
  lost = 0;

  #elements;
  #state = { name: 'connecting' };
  #summary = { time: performance.now(), received: 0, errors: 0 };

  /** @param {Record<string, HTMLElement>} elements by their ids */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {State} state */
  setState(state) {
    this.#state = state;
    this.#elements.state.dataset.state = state.name;
    this.#elements['token-again'].hidden = state.name !== 'unauthorized';
    this.#showState();
    if (state.name !== 'connecting') this.#announce(stateText(state));
  }

  /** Sets all counters to zero. */
  reset() {
    this.received = this.below = this.unreadable = this.errors = this.lost = 0;
    this.#summary = { time: performance.now(), received: 0, errors: 0 };
  }

  /** @param {number} skipped lines that were never shown */
  update(skipped) {
    this.#showState();
    const { received, lost, below, unreadable } = this;
    for (const [id, n] of Object.entries({ received, lost, skipped, below, unreadable })) {
      const element = this.#elements[id];
      element.textContent = count(n);
      element.parentElement.classList.toggle('some', n > 0);
      if (id !== 'received' && id !== 'lost') element.parentElement.hidden = n === 0;
    }
    this.#summarize();
  }

  #showState() {
    const seconds = Math.max(Math.ceil((this.#state.until - performance.now()) / 1000), 0);
    const text = stateText(this.#state) + (this.#state.name === 'waiting' ? `, reconnecting in ${seconds} s` : '');
    if (this.#elements['state-text'].textContent !== text) this.#elements['state-text'].textContent = text;
  }

  #summarize() {
    const now = performance.now();
    const lines = this.received - this.#summary.received;
    if (now - this.#summary.time < SUMMARY || lines === 0) return;
    const errors = this.errors - this.#summary.errors;
    this.#announce(`${counted(lines, 'new line')}, ${counted(errors, 'error')}`);
    this.#summary = { time: now, received: this.received, errors: this.errors };
  }

  #announce(text) {
    this.#elements.announcer.textContent = text;
  }
}

function stateText({ name, reason }) {
  switch (name) {
    case 'waiting':
      return reason;
    case 'refused':
      return 'stopped: wrong filter';
    default:
      return name;
  }
}

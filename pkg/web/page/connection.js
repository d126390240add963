/**
 * The stream that the lines come from, and the one that is to replace it: a filter that the server refuses leaves the
 * lines as they are.
 * @module
 */

import { sameStream, streamAddress } from './address.js';
import { Stream } from './stream.js';
import { token } from './token.js';

/** @typedef {import('./address.js').Filters} Filters */
/** @typedef {import('./stream.js').State} State */

/**
 * @typedef {object} Listener
 * @property {(state: State) => void} onState of the stream that the lines come from
 * @property {(reason: string) => void} onRefused the lines go on as they were; '': the filter is another one
 * @property {() => void} onFresh the lines that come from now on are another stream's
 * @property {(event: import('./sse.js').ServerEvent) => void} onEvent
 * @property {(milliseconds: number) => void} onTime
 * @property {(events: number) => void} onTooLong
 */

export class Connection {
  #listener;
  #current = null; // {stream, filters, fresh, refused}
  #next = null;

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /**
   * Asks for what filters need, unless that is there.
   * @param {Filters} filters
   * @param {boolean} [again] even if it is
   */
  open(filters, again = false) {
    this.#next?.stream.stop();
    this.#next = null;
    this.#listener.onRefused('');
    if (!again && this.#current && !this.#current.refused && sameStream(this.#current.filters, filters)) return;
    const next = { filters, fresh: true, refused: false };
    next.stream = new Stream({
      address: (resumed) => streamAddress(filters, resumed),
      token,
      onState: (state) => this.#stateChanged(next, state),
      onEvent: (event) => this.#listener.onEvent(event),
      onTime: (milliseconds) => this.#listener.onTime(milliseconds),
      onTooLong: (events) => this.#listener.onTooLong(events),
    });
    this.#next = next;
    next.stream.start();
  }

  #stateChanged(of, state) {
    if (of === this.#next) {
      const alive = this.#current !== null && !this.#current.refused;
      if (alive && state.name === 'connecting') return;
      if (alive && state.name === 'refused') {
        this.#next = null;
        this.#listener.onRefused(state.reason);
        return;
      }
      this.#current?.stream.stop();
      this.#current = of;
      this.#next = null;
    }
    of.refused = state.name === 'refused' || state.name === 'unauthorized';
    if (of.fresh && state.name === 'live') {
      of.fresh = false;
      this.#listener.onFresh();
    }
    this.#listener.onState(state);
  }
}

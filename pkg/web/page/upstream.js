/**
 * Which publishers the server receives from, as its event status says it.
 * @module
 */

import { counted, printable } from './text.js';

/** How many endpoints are named. */
const NAMED = 3;

/**
 * @typedef {object} Endpoint
 * @property {string} endpoint
 * @property {boolean} bound publishers connect to it
 * @property {boolean} up
 * @property {string} since
 * @property {string} [reason] why it is not up
 */

export class Upstream {
  /** Whether a publisher is connected; null: the server has not said. @type {boolean | null} */
  up = null;
  #since = NaN;
  #endpoints = [];

  /**
   * @param {string} data a status event's
   * @throws if it does not have the form that the server promises
   */
  receive(data) {
    const { up, since, endpoints = [] } = JSON.parse(data);
    if (typeof up !== 'boolean' || !Array.isArray(endpoints)) throw new TypeError('a status without its state');
    this.up = up;
    this.#since = Date.parse(since);
    this.#endpoints = endpoints.filter(({ endpoint }) => typeof endpoint === 'string');
  }

  /** Forgets what was said before. */
  clear() {
    this.up = null;
    this.#endpoints = [];
  }

  /**
   * What is away, in words; '' if nothing is.
   * @param {import('./clock.js').Clock} clock
   */
  words(clock) {
    const away = this.#endpoints.filter(({ up, bound }) => !up && !bound);
    if (this.up === false) {
      const since = Number.isNaN(this.#since) ? '' : ` since ${clock.seconds(this.#since)}`;
      const why = listed(this.#endpoints.filter(({ up }) => !up), clock);
      return `no publisher${since}${why && `: ${why}`}`;
    }
    return away.length === 0 ? '' : `${counted(away.length, 'publisher')} away: ${listed(away, clock)}`;
  }
}

function listed(endpoints, clock) {
  const named = endpoints.slice(0, NAMED).map(({ endpoint, bound, since, reason }) => {
    const time = Date.parse(since);
    const why = typeof reason === 'string' && reason !== '' ? reason : bound ? 'nobody has connected to it' : 'no connection';
    return printable(`${endpoint}: ${why}${Number.isNaN(time) ? '' : ` since ${clock.seconds(time)}`}`);
  });
  const more = endpoints.length - named.length;
  return named.join('; ') + (more > 0 ? ` and ${more} more` : '');
}

/**
 * Who the reader is, as the server says it: the name of the token's tenant, and the topics that it may read.
 * @module
 */

import { printable } from './text.js';

/** How many prefixes are shown. All of them are in the title. */
const SHOWN = 3;

export class Access {
  #element;
  #text = '';

  /** @param {HTMLElement} element shows it; it is hidden while nothing is known */
  constructor(element) {
    this.#element = element;
  }

  /**
   * @param {string} data an access event's
   * @returns {boolean} whether it differs from what was shown before
   * @throws if it does not have the form that the server promises
   */
  show(data) {
    const { name, topics = [] } = JSON.parse(data);
    if (typeof name !== 'string' || !topics.every((topic) => typeof topic === 'string')) throw new TypeError('access of nobody');
    const before = this.#text;
    this.#text = printable(`${name}: ${listed(topics, topics.length)}`);
    this.#element.textContent = printable(`${name}: ${listed(topics, SHOWN)}`);
    this.#element.title = `You are ${this.#text}`;
    this.#element.hidden = false;
    return before !== '' && before !== this.#text;
  }

  /** Hides what is no longer so. */
  hide() {
    this.#element.hidden = true;
  }
}

function listed(topics, most) {
  if (topics.length === 0) return 'all topics';
  const more = topics.length - most;
  return topics.slice(0, most).join(' ') + (more > 0 ? ` and ${more} more` : '');
}

/**
 * What stands where no line is.
 * @module
 */

import { absence } from './absence.js';
import { topicsThatExist } from './sample.js';

/** How long a stream may bring nothing before the page looks which topics there are, in milliseconds. */
const PATIENCE = 3000;

export class Blank {
  #elements;
  #clock;
  #upstream;
  #status;
  #topics = null; // that exist; null: not known
  #look = null; // ends the look at them

  /**
   * @param {Record<string, HTMLElement>} elements of the page, by their ids
   * @param {import('./clock.js').Clock} clock
   * @param {import('./upstream.js').Upstream} upstream
   * @param {import('./status.js').Status} status
   */
  constructor(elements, clock, upstream, status) {
    this.#elements = elements;
    this.#clock = clock;
    this.#upstream = upstream;
    this.#status = status;
  }

  /** Forgets which topics there were. */
  restart() {
    this.#look?.abort();
    this.#look = null;
    this.#topics = null;
  }

  /**
   * @param {import('./address.js').Filters} filters
   * @param {string[]} reasons why lines are hidden
   * @param {number} hidden
   */
  show(filters, reasons, hidden) {
    const { empty, absence: element, 'show-all': all } = this.#elements;
    if (empty.hidden) return;
    const { state, since, received } = this.#status;
    const text = absence({
      state, since, hidden, filters, reasons, clock: this.#clock, upstream: this.#upstream, topics: this.#topics,
    });
    if (element.textContent !== text) element.textContent = text;
    all.hidden = hidden === 0;
    const filtered = filters.topics.length > 0 || filters.grep !== '';
    if (state.name === 'live' && filtered && received === 0 && Date.now() - since > PATIENCE) this.#lookForTopics();
  }

  async #lookForTopics() {
    if (this.#look !== null) return;
    const look = new AbortController();
    this.#look = look;
    const topics = await topicsThatExist(look.signal);
    if (this.#look === look) this.#topics = topics;
  }
}

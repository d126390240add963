/**
 * What the reader has set. It is kept in the page's address, and what changes it applies at once: the browser tells of
 * another address only later, and takes only so many in a while.
 * @module
 */

import { filtersOf, hashOf, topicsOf } from './address.js';
import { NAMES, NONE } from './severity.js';

/** The longest address after the #, in UTF-16 units: what every browser takes, and a link can have. */
const LONGEST = 50_000;

/** @typedef {import('./address.js').Filters} Filters */

export class Settings {
  /** @type {Filters} */
  filters = filtersOf(location.hash);
  #applied = location.hash;
  #onChange;
  #onTooLong;

  /**
   * @param {() => void} onChange
   * @param {() => void} onTooLong is called instead if the address would become too long
   */
  constructor(onChange, onTooLong) {
    this.#onChange = onChange;
    this.#onTooLong = onTooLong;
    addEventListener('hashchange', () => {
      if (location.hash === this.#applied) return;
      this.#apply(filtersOf(location.hash));
    });
  }

  /** @param {Partial<Filters>} changes */
  set(changes) {
    this.#change(changes, (hash) => { location.hash = hash; });
  }

  /** The same without an entry in the browser's history: for what is being typed. */
  setQuietly(changes) {
    this.#change(changes, (hash) => history.replaceState(null, '', `#${hash}`));
  }

  /**
   * Applies what is in the fields.
   * @param {Record<string, HTMLInputElement | HTMLSelectElement>} fields by their ids
   */
  takeFields({ topics, grep, severity, exclude }) {
    this.set({
      topics: topics.value === this.filters.topics.join(' ') ? this.filters.topics : topicsOf(topics.value),
      grep: grep.value,
      severity: severity.value === '' ? NONE : NAMES.indexOf(severity.value),
      exclude: exclude.value,
    });
  }

  /** Shows only the lines that have a value, or not these; both only until the same is wanted again. */
  want(of, { field, value }) {
    const same = (wanted) => wanted.field === field && wanted.value === value;
    const others = (list) => this.filters[list].filter((wanted) => !same(wanted) && (list === 'not' || of === 'not' || wanted.field !== field));
    const changes = { is: others('is'), not: others('not') };
    if (!this.filters[of].some(same)) changes[of].push({ field, value });
    this.set(changes);
  }

  #change(changes, write) {
    const hash = hashOf({ ...this.filters, line: '', ...changes });
    if (hash.length > LONGEST) return this.#onTooLong();
    if (hash === hashOf(this.filters)) return;
    try {
      write(hash);
    } catch { /* Safari throws where others do nothing: the address is right again after the next change */ }
    this.#apply(filtersOf(hash)); // what a link to it shows
  }

  #apply(filters) {
    this.#applied = location.hash;
    this.filters = filters;
    this.#onChange();
  }
}

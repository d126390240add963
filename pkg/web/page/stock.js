/**
 * The records that there are, and which of them the view shows.
 * @module
 */

import { Past } from './past.js';

/** @typedef {import('./record.js').Record} Record */

export class Stock extends Past {
  /** Lines in memory that the view shows, those that it hides, and lines that have left the memory. */
  matching = 0;
  hidden = 0;
  forgotten = 0;

  #list;
  #view;

  /**
   * @param {import('./list.js').List} list
   * @param {import('./view.js').View} view
   * @param {(record: Record) => void} onForget see Memory
   */
  constructor(list, view, onForget) {
    super((record) => {
      this.#count(record, -1);
      if (record.kind === 'line') this.forgotten++;
      onForget(record);
    });
    this.#list = list;
    this.#view = view;
  }

  /** @param {Record} record */
  add(record) {
    super.add(record);
    this.#count(record, 1);
  }

  /** @param {Record} record */
  passes(record) {
    return this.#view.passes(record);
  }

  /** @param {import('./view.js').View} view that shows the same lines */
  setSearch(view) {
    this.#view = view;
  }

  /** @param {import('./view.js').View} view */
  setView(view) {
    this.#view = view;
    this.matching = this.hidden = 0;
    for (const record of this.between(this.first, this.next)) this.#count(record, 1);
  }

  /** All records that the view shows, in the list, before it and after it. @returns {Record[]} */
  get shown() {
    return this.all(this.#list.records).filter((record) => this.passes(record));
  }

  /**
   * The lines up to a number that the view shows and the search finds. Of lines that are folded into one row, the
   * first.
   * @param {number} end
   * @returns {Record[]}
   */
  foundBefore(end) {
    const found = this.shown.filter((record) => record.seq < end && this.#view.finds(record));
    return Array.from(new Set(found.map((record) => this.headOf(record)))).sort((a, b) => a.seq - b.seq);
  }

  /** Returns the record in whose row a record is, or would be. */
  headOf(record) {
    const { head } = record;
    if (this.#list.has(record)) return record;
    const there = this.#list.groups && head && (head.seq >= this.first || this.#list.has(head)) && this.passes(head);
    return there ? head : record;
  }

  /**
   * Returns the lines from a number up to another that continue others in their rows, and have no rows themselves.
   * @param {number} from
   * @param {number} to
   * @param {Record[]} heads
   */
  continuing(from, to, heads) {
    if (!this.#list.groups) return [];
    const set = new Set(heads);
    const there = Array.from(this.between(Math.max(Math.ceil(from), this.first), to));
    return there.filter((record) => set.has(record.head) && !this.#list.has(record) && this.passes(record));
  }

  /**
   * Returns the record of the next row beyond those of the list that satisfies a condition, undefined if there is none.
   * @param {1 | -1} by
   * @param {number} from the first number after the list
   * @param {number} to
   * @param {(record: Record) => boolean} condition
   */
  beyond(by, from, to, condition) {
    const row = (record) => this.passes(record) && condition(record) && this.headOf(record) === record;
    if (by < 0) return this.before(this.#list.first?.seq ?? 0, 1, row).at(0);
    for (const record of this.between(from, to)) if (row(record)) return record;
    return undefined;
  }

  clear() {
    super.clear();
    this.matching = this.hidden = this.forgotten = 0;
  }

  #count(record, by) {
    if (record.kind !== 'line') return;
    if (this.passes(record)) this.matching += by;
    else this.hidden += by;
  }
}

/**
 * The records that the view can go back to: the memory, and what was in the list and has left the memory.
 * @module
 */

import { Memory } from './memory.js';

/** The most records in memory, and their size together in UTF-16 units. */
const MOST = 20_000;
const LARGEST = 32 * 1024 * 1024;

/** The most records that are kept though they are not in memory. */
const MOST_KEPT = 2000;

/** @typedef {import('./record.js').Record} Record */

export class Past extends Memory {
  #kept = [];

  /** @param {(record: Record) => void} onForget see Memory */
  constructor(onForget) {
    super(MOST, LARGEST, onForget);
  }

  /**
   * @param {Record[]} listed the records in the list, some of which may have left the memory
   * @returns {Record[]} all records that there are, in order
   */
  all(listed) {
    const older = listed.filter((record) => record.seq < this.first);
    const before = older[0]?.seq ?? this.first;
    return [...this.#kept.filter((record) => record.seq < before), ...older, ...this.between(this.first, this.next)];
  }

  /**
   * Keeps the records of a list that is about to be another one.
   * @param {Record[]} listed
   */
  keep(listed) {
    this.#kept = this.all(listed).slice(0, -this.length || undefined).slice(-MOST_KEPT);
  }

  /**
   * @param {number} seq
   * @param {number} n
   * @param {(record: Record) => boolean} condition
   * @returns {Record[]} the last n records before seq that satisfy the condition
   */
  before(seq, n, condition) {
    const records = [];
    for (let at = Math.min(seq, this.next) - 1; at >= this.first && records.length < n; at--) {
      const record = this.at(at);
      if (condition(record)) records.push(record);
    }
    const limit = Math.min(seq, this.first);
    for (let i = this.#kept.length - 1; i >= 0 && records.length < n; i--) {
      if (this.#kept[i].seq < limit && condition(this.#kept[i])) records.push(this.#kept[i]);
    }
    return records.reverse();
  }

  /** Yields the records in memory from one number up to another. */
  *between(from, to) {
    for (let seq = from; seq < to; seq++) yield this.at(seq);
  }

  clear() {
    super.clear();
    this.#kept = [];
  }
}

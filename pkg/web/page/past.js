/**
 * The records that the view can go back to: the memory, and what was in the list and has left the memory.
 * @module
 */

import { Memory } from './memory.js';
import { forgottenNote } from './record.js';

/** The most records in memory, and their size together in UTF-16 units. */
const MOST = 20_000;
const LARGEST = 32 * 1024 * 1024;

/** The most records that are kept though they are not in memory. */
const MOST_KEPT = 2000;

/** The most holes that are remembered. */
const MOST_HOLES = 100;

/** @typedef {import('./record.js').Record} Record */

export class Past extends Memory {
  #kept = [];
  #holes = []; // {from, to}: numbers of records that are nowhere any more, in order
  #inHole = false;

  /** @param {(record: Record) => void} onForget see Memory */
  constructor(onForget) {
    super(MOST, LARGEST, onForget);
  }

  /**
   * @param {Record[]} listed the records in the list, some of which may have left the memory
   * @returns {Record[]} all records that there are, in order, with a note where some are missing
   */
  all(listed) {
    const older = listed.filter((record) => record.seq < this.first);
    const before = older[0]?.seq ?? this.first;
    const kept = this.#kept.filter((record) => record.seq < before);
    return this.#joined(this.#joined(kept, older), Array.from(this.between(this.first, this.next)));
  }

  /**
   * Keeps the records of a list that is about to be another one.
   * @param {Record[]} listed
   */
  keep(listed) {
    this.#kept = this.all(listed).filter(({ seq }) => seq < this.first).slice(-MOST_KEPT);
  }

  /**
   * Takes note of a record that has left the memory, and that the view shows.
   * @param {Record} record
   * @param {boolean} listed whether it is in the list
   */
  left({ seq }, listed) {
    if (!listed && this.#inHole) this.#holes.at(-1).to = seq;
    else if (!listed) this.#holes = [...this.#holes.slice(1 - MOST_HOLES), { from: seq, to: seq }];
    this.#inHole = !listed;
  }

  /**
   * @param {number} seq
   * @param {number} n
   * @param {(record: Record) => boolean} condition
   * @returns {Record[]} the last n records before seq that satisfy the condition
   */
  before(seq, n, condition) {
    const records = [];
    for (let at = Math.ceil(Math.min(seq, this.next)) - 1; at >= this.first && records.length < n; at--) {
      const record = this.at(at);
      if (condition(record)) records.push(record);
    }
    records.reverse();
    const limit = Math.min(seq, this.first);
    const kept = this.#kept.filter((record) => record.seq < limit && condition(record));
    const wanted = Math.max(n - records.length, 0);
    return wanted === 0 ? records : this.#joined(kept.slice(-wanted), records, limit);
  }

  /** Yields the records in memory from one number up to another. */
  *between(from, to) {
    for (let seq = from; seq < to; seq++) yield this.at(seq);
  }

  clear() {
    super.clear();
    this.#kept = [];
    this.#holes = [];
    this.#inHole = false;
  }

  /** Joins records, with a note between them if there is a hole. next: the number after the older ones */
  #joined(older, newer, next = newer[0]?.seq) {
    const last = older.at(-1)?.seq;
    const hole = Number.isInteger(next) && this.#holes.some(({ from, to }) => to > last && from < next);
    return [...older, ...(hole ? [forgottenNote(next)] : []), ...newer];
  }
}

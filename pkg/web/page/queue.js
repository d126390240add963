/**
 * A first-in, first-out queue of records with limits.
 * @module
 */

/** @typedef {import('./record.js').Record} Record */

export class Queue {
  #records = [];
  #head = 0;
  #size = 0;
  #most;
  #largest;

  /**
   * @param {number} most records
   * @param {number} largest UTF-16 units of all records together; a single record may be larger
   */
  constructor(most, largest) {
    this.#most = most;
    this.#largest = largest;
  }

  get length() {
    return this.#records.length - this.#head;
  }

  /** Whether push would refuse a record. */
  get full() {
    return this.length >= this.#most || this.#size >= this.#largest;
  }

  /**
   * @param {Record} record
   * @returns {boolean} false if the queue is full; the record is then not in it
   */
  push(record) {
    if (this.full) return false;
    this.#records.push(record);
    this.#size += record.size;
    return true;
  }

  /**
   * Takes the oldest records, at most n.
   * @param {number} n
   * @returns {Record[]}
   */
  take(n) {
    const taken = this.#records.slice(this.#head, this.#head + n);
    this.#head += taken.length;
    for (const record of taken) this.#size -= record.size;
    if (this.#head >= this.#most) { // amortized, each record is copied at most once
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  /** Takes all records. */
  takeAll() {
    const taken = this.#records.slice(this.#head);
    this.#records = [];
    this.#head = 0;
    this.#size = 0;
    return taken;
  }
}

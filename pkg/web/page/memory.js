/**
 * The newest records, numbered in the order in which they came, within limits. The list shows a part of them.
 * @module
 */

/** @typedef {import('./record.js').Record} Record */

export class Memory {
  #records = [];
  #head = 0; // those before it are forgotten
  #size = 0;
  #first = 0; // the number of the oldest
  #most;
  #largest;
  #onForget;

  /**
   * @param {number} most records
   * @param {number} largest UTF-16 units of all records together; a single record may be larger
   * @param {(record: Record) => void} onForget is called with each record that leaves the memory for a newer one
   */
  constructor(most, largest, onForget) {
    this.#most = most;
    this.#largest = largest;
    this.#onForget = onForget;
  }

  get length() {
    return this.#records.length - this.#head;
  }

  /** The number of the oldest record, or of the next one if there is none. */
  get first() {
    return this.#first;
  }

  /** The number of the next record. */
  get next() {
    return this.#first + this.length;
  }

  /** @param {Record} record gets its number */
  add(record) {
    record.seq = this.next;
    this.#records.push(record);
    this.#size += record.size;
    while (this.length > this.#most || (this.#size > this.#largest && this.length > 1)) this.#forget();
  }

  /**
   * @param {number} seq
   * @returns {Record | undefined}
   */
  at(seq) {
    return seq < this.#first ? undefined : this.#records[this.#head + seq - this.#first];
  }

  /** Forgets everything. Numbers go on. */
  clear() {
    this.#first = this.next;
    this.#records = [];
    this.#head = 0;
    this.#size = 0;
  }

  #forget() {
    const record = this.#records[this.#head];
    this.#records[this.#head++] = undefined;
    this.#size -= record.size;
    this.#first++;
    if (this.#head > this.#most) { // amortized, each record is copied at most once
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    this.#onForget(record);
  }
}

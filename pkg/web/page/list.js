/**
 * The lines in the document: a bounded number, the newest at the bottom.
 * @module
 */

import { Row } from './row.js';

/** How near to the end counts as at the end, in pixels. */
const NEAR = 8;

/** The most that the records of all rows may hold together, in UTF-16 units. */
const LARGEST = 16 * 1024 * 1024;

/** @typedef {import('./record.js').Record} Record */

export class List {
  /** The number of marked matches in all rows. */
  matches = 0;
  /** The mark elements, in order: a live collection. */
  marks;

  #log;
  #lines;
  #rows = [];
  #size = 0;
  #pattern = null;

  /**
   * @param {Element} log the element that scrolls
   * @param {Element} lines the element in it that holds the rows
   */
  constructor(log, lines) {
    this.#log = log;
    this.#lines = lines;
    this.marks = lines.getElementsByTagName('mark');
    lines.addEventListener('click', (event) => this.#clicked(event));
  }

  get length() {
    return this.#rows.length;
  }

  get records() {
    return this.#rows.map((row) => row.record);
  }

  /** Whether the end of the lines is in view. */
  get atEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
  }

  /** @param {Record[]} records */
  append(records) {
    const fragment = document.createDocumentFragment();
    for (const record of records) {
      const row = new Row(record, this.#pattern);
      this.#rows.push(row);
      this.#size += record.size;
      this.matches += row.matches;
      fragment.append(row.element);
      if (record.kind === 'line' && record.topic !== null) this.#lines.classList.add('topics');
    }
    this.#lines.append(fragment);
    let large = 0;
    for (let size = this.#size; size > LARGEST && large < this.#rows.length - 1; large++) size -= this.#rows[large].record.size;
    this.#remove(large);
  }

  /**
   * Removes the oldest rows, so that most remain.
   * @param {number} most
   */
  trim(most) {
    this.#remove(this.#rows.length - most);
  }

  /** Like trim, but what is in view stays where it is. */
  trimInPlace(most) {
    const before = this.#log.scrollHeight;
    this.trim(most);
    this.#log.scrollTop -= before - this.#log.scrollHeight;
  }

  /** @param {Record[]} records that replace all rows */
  replace(records) {
    this.trim(0);
    this.append(records);
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /**
   * Marks the matches of a pattern in every row, and in later ones.
   * @param {RegExp | null} pattern null for none
   */
  mark(pattern) {
    this.#pattern = pattern;
    this.matches = 0;
    for (const row of this.#rows) {
      row.mark(pattern);
      this.matches += row.matches;
    }
  }

  #remove(n) {
    if (n <= 0) return;
    for (const row of this.#rows.splice(0, n)) {
      row.element.remove();
      this.#size -= row.record.size;
      this.matches -= row.matches;
    }
  }

  #clicked(event) {
    const button = event.target.closest('.more');
    if (button === null) return;
    const row = this.#rows.find((candidate) => candidate.element.contains(button));
    this.matches -= row.matches;
    row.toggle();
    this.matches += row.matches;
  }
}

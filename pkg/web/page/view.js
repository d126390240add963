/**
 * Which records are shown, and why the others are not.
 * @module
 */

import { patternOf } from './highlight.js';
import { shownOf, valueOf } from './columns.js';
import { NONE } from './severity.js';
import { printable } from './text.js';

/** @typedef {import('./record.js').Record} Record */

export class View {
  /** What is marked in the lines. @type {RegExp | null} */
  pattern;
  #filters;
  #span;
  #columns;
  #topics; // whether they have a column
  #exclude;

  /**
   * @param {import('./address.js').Filters} filters
   * @param {{from: number, to: number} | null} span of the receipt, in milliseconds since 1970
   * @param {string[]} columns whose texts are searched, besides the line's text
   * @throws {SyntaxError} if an expression has a fault
   */
  constructor(filters, span, columns) {
    this.#filters = filters;
    this.#span = span;
    this.#columns = columns.filter((name) => name !== 'time' && name !== 'received');
    this.#topics = columns.includes('topic');
    this.pattern = patternOf(filters.search, filters.expression);
    this.#exclude = patternOf(filters.exclude, filters.expression);
  }

  /** @param {Record} record remembers the answer */
  passes(record) {
    if (record.judge !== this) {
      record.judge = this;
      record.passes = this.#passes(record);
    }
    return record.passes;
  }

  /** Whether the search finds a record. @param {Record} record remembers the answer */
  finds(record) {
    if (this.pattern === null || record.kind !== 'line') return false;
    if (record.seeker !== this) {
      record.seeker = this;
      record.found = this.#finds(record, this.pattern);
    }
    return record.found;
  }

  #passes(record) {
    if (record.kind !== 'line') return this.#span === null && !this.#hides;
    const head = record.head ?? record;
    const { severity, is, not } = this.#filters;
    if (severity !== NONE && record.severity > severity) return false;
    if (this.#span !== null && !(record.received >= this.#span.from && record.received < this.#span.to)) return false;
    if (not.some((wanted) => has(record, wanted))) return false;
    if (is.length > 0 && !is.every(({ field }) => is.some((wanted) => wanted.field === field && has(record, wanted)))) return false;
    if (this.#exclude !== null && this.#finds(head, this.#exclude)) return false;
    return !this.#hides || this.finds(record) || this.finds(head);
  }

  /** Whether an expression was given up, because it takes too long. */
  get slow() {
    return this.pattern?.slow || this.#exclude?.slow || false;
  }

  /** Whether every line passes. */
  get all() {
    const { severity, is, not } = this.#filters;
    return severity === NONE && is.length + not.length === 0 && !this.#exclude && !this.#hides && this.#span === null;
  }

  /** What hides lines, in words. */
  get reasons() {
    const { severity, is, not, exclude, search } = this.#filters;
    return [
      severity !== NONE && 'the severity',
      is.length > 0 && `“only ${is.map(({ value }) => printable(value)).join(', ')}”`,
      not.length > 0 && `“not ${not.map(({ value }) => printable(value)).join(', ')}”`,
      this.#exclude && `Exclude “${printable(exclude)}”`,
      this.#hides && `Hide others, with the search “${printable(search)}”`,
      this.#span !== null && 'the span of time',
    ].filter(Boolean);
  }

  get #hides() {
    return this.#filters.hide && this.pattern !== null;
  }

  #finds(line, pattern) {
    return [line.text, line.extra, ...line.frames].some((text) => finds(text, pattern)) || this.#columns.some((name) => finds(shownOf(line, name, this.#topics), pattern));
  }
}

function has(line, { field, value }) {
  return (field in line ? line[field] ?? '' : valueOf(line, field)) === value;
}

const plain = /^[\x20-\x7e]*$/;

function finds(text, pattern) {
  pattern.lastIndex = 0;
  return text !== '' && pattern.test(plain.test(text) ? text : printable(text));
}

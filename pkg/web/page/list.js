/**
 * The lines in the document: a bounded number, the newest at the bottom.
 * @module
 */

import { Row } from './row.js';

/** How near to the end counts as at the end, in pixels. */
const NEAR = 8;

/** Rows beyond those that fill the view: what is scrolled by one turn of the wheel. */
const SPARE = 10;

/** The most that the records of all rows may hold together, in UTF-16 units. */
const LARGEST = 16 * 1024 * 1024;

/** @typedef {import('./record.js').Record} Record */
/** @typedef {import('./row.js').Look} Look */

export class List {
  /** How many rows of one line fill the view, and some more: what is made in one frame. */
  screen = 60;
  /** Is called with the row that was clicked. @type {(row: Row) => void} */
  onClick = () => {};

  #log;
  #lines;
  #look;
  #rows = [];
  #rowOf = new WeakMap(); // by element and by record
  #size = 0;
  #pattern = null;
  #current = null;

  /**
   * @param {Element} log the element that scrolls
   * @param {Element} lines the element in it that holds the rows
   * @param {Look} look
   */
  constructor(log, lines, look) {
    this.#log = log;
    this.#lines = lines;
    this.#look = look;
    lines.addEventListener('click', (event) => this.#clicked(event));
  }

  get length() {
    return this.#rows.length;
  }

  /** Measures the view, whose height is another one. */
  fit() {
    this.screen = Math.ceil(this.#log.clientHeight / parseFloat(getComputedStyle(this.#log).lineHeight)) + SPARE;
  }

  /** Of all rows, those that continue others included, in the order in which they came. */
  get records() {
    return this.#rows.flatMap((row) => row.records).sort((a, b) => a.seq - b.seq);
  }

  /** The first record, undefined if there is none. */
  get first() {
    return this.#rows[0]?.record;
  }

  /** The record at the top of what is in view. */
  get top() {
    return this.#rows.at(this.#top)?.record;
  }

  /** The index of the row at the top of what is in view; -1, the last one, if all are above it. */
  get #top() {
    const edge = this.#lines.offsetTop + this.#log.scrollTop;
    return this.#rows.findIndex(({ element }) => element.offsetTop + element.offsetHeight > edge);
  }

  /** Whether a record has a row of its own. @param {Record} record */
  has(record) {
    return this.#rowOf.has(record);
  }

  /** Whether lines that continue another one are folded into it. */
  get groups() {
    return this.#look.group;
  }

  /** The row that was chosen, null if there is none. */
  get current() {
    return this.#current;
  }

  /** Whether the end of the lines is in view. */
  get atEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
  }

  /** Whether the rows hold as much as they may. */
  get full() {
    return this.#size > LARGEST;
  }

  /**
   * @param {Record[]} records
   * @param {boolean} [held] whether older rows stay, even if they hold too much
   */
  append(records, held = false) {
    this.#lines.append(this.#made(records, (rows) => this.#rows.push(...rows)));
    if (!held) this.#lighten(LARGEST);
  }

  /**
   * Puts older records before the others. What is in view stays where it is.
   * @param {Record[]} records
   */
  prepend(records) {
    this.#inPlace(() => this.#lines.prepend(this.#made(records, (rows) => this.#rows.unshift(...rows))));
  }

  /**
   * Removes the oldest rows, so that most remain.
   * @param {number} most
   */
  trim(most) {
    this.#remove(0, this.#rows.length - most);
  }

  /** Like trim, but what is in view stays where it is. */
  trimInPlace(most) {
    this.#inPlace(() => {
      this.trim(most);
      this.#lighten(LARGEST / 2);
    });
  }

  /**
   * Removes the newest rows, so that most remain.
   * @param {number} most
   * @returns {Record[]} what was removed, in the order of the rows
   */
  trimEnd(most) {
    const removed = this.#rows.slice(most).flatMap((row) => row.records);
    this.#remove(most, this.#rows.length - most);
    return removed;
  }

  /** @param {Record[]} records that replace all rows */
  replace(records) {
    const chosen = this.#current?.record ?? null;
    const { focused } = this;
    this.trim(0);
    this.append(records, true);
    this.setCurrent(chosen);
    if (focused) this.focus();
  }

  /** Whether a row, or something in it, has the focus. */
  get focused() {
    return this.#lines.contains(document.activeElement);
  }

  /** Gives the focus to the current row, or to the list if there is none. */
  focus() {
    (this.#current?.element ?? this.#log).focus({ preventScroll: true });
  }

  /** Makes all rows again, after the look has changed: those in view at once, the others in the next frames. */
  render() {
    const at = Math.max(this.#top, 0);
    this.#stale = [...this.#rows.slice(0, at), ...this.#rows.slice(at).reverse()];
    this.#refresh(this.screen);
  }

  #stale = []; // rows that have the former look, those in view last

  #refresh(n) {
    const { atEnd } = this;
    const change = () => {
      for (const row of this.#stale.splice(-n)) {
        if (!row.element.isConnected) continue;
        row.render(this.#pattern, this.#look);
      }
    };
    if ((this.#stale.at(-1)?.record.seq ?? Infinity) < this.top?.seq) this.#inPlace(change);
    else change();
    if (atEnd) this.toEnd();
    if (this.#stale.length > 0) requestAnimationFrame(() => this.#refresh(n));
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#height = this.#log.scrollHeight;
  }

  /** Whether the lines have another height than at the last toEnd: the end may be away though nobody has scrolled. */
  get moved() {
    return this.#log.scrollHeight !== this.#height;
  }

  #height = 0;

  toStart() {
    this.#log.scrollTop = 0;
  }

  /**
   * Brings a record into view.
   * @param {Record} record
   * @param {'start' | 'center' | 'nearest'} block where
   */
  show(record, block) {
    this.#rowOf.get(record)?.element.scrollIntoView({ block, inline: 'nearest' });
  }

  /**
   * Chooses the row of a record, and gives it the focus.
   * @param {Record | null} record null for none
   */
  choose(record) {
    this.setCurrent(record);
    this.focus();
    this.keepInView();
  }

  /** Shows which row is the current one. @param {Record | null} record null for none */
  setCurrent(record) {
    if (this.#current !== null) {
      this.#current.element.classList.remove('current');
      this.#current.element.removeAttribute('tabindex');
    }
    this.#current = (record && this.#rowOf.get(record)) ?? null;
    if (this.#current === null) return;
    this.#current.element.classList.add('current');
    this.#current.element.tabIndex = -1;
  }

  /** Brings the current row back into view, after the lines' width has changed. */
  keepInView() {
    this.#current?.element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  /**
   * Returns the next row after the current one, or before it, that satisfies a condition; if there is no current one,
   * that in view at the top or the newest.
   * @param {1 | -1} by
   * @param {(record: Record) => boolean} condition
   */
  neighbor(by, condition) {
    const from = this.#rows.indexOf(this.#current);
    let i = from >= 0 ? from + by : by < 0 ? this.#rows.length - 1 : this.#top;
    while (i >= 0 && i < this.#rows.length && !condition(this.#rows[i].record)) i += by;
    return this.#rows[i]?.record ?? null;
  }

  /** Folds or unfolds the current row. */
  toggle() {
    if (this.#current?.foldable) this.#current.toggle();
  }

  /**
   * Marks the matches of a pattern in every row, and in later ones.
   * @param {RegExp | null} pattern null for none
   */
  mark(pattern) {
    this.#pattern = pattern;
    for (const row of this.#rows) row.mark(pattern);
  }

  /** Makes rows, or adds lines to those that they continue. */
  #made(records, keep) {
    const fragment = document.createDocumentFragment();
    const rows = [];
    const continued = new Map(); // by row
    for (const record of records) {
      const head = this.#look.group && record.head ? this.#rowOf.get(record.head) : undefined;
      if (head !== undefined) {
        if (!continued.has(head)) continued.set(head, []);
        continued.get(head).push(record);
        continue;
      }
      const row = new Row(record, this.#pattern, this.#look);
      this.#rowOf.set(record, row).set(row.element, row);
      this.#size += record.size;
      fragment.append(row.element);
      rows.push(row);
    }
    for (const [row, lines] of continued) for (const { size } of row.add(lines)) this.#size += size;
    keep(rows);
    return fragment;
  }

  /** Removes the oldest rows that together hold too much. The newest remains. */
  #lighten(largest) {
    let n = 0;
    for (let size = this.#size; size > largest && n < this.#rows.length - 1; n++) size -= sizeOf(this.#rows[n]);
    this.#remove(0, n);
  }

  #inPlace(change) {
    const { scrollTop, scrollHeight } = this.#log;
    change();
    this.#log.scrollTop = scrollTop + this.#log.scrollHeight - scrollHeight;
  }

  #remove(from, n) {
    if (n <= 0) return;
    const { focused } = this;
    const all = n >= this.#rows.length;
    if (all) this.#lines.replaceChildren(); // in one go
    for (const row of this.#rows.splice(from, n)) {
      if (!all) row.element.remove();
      this.#rowOf.delete(row.record);
      this.#size -= sizeOf(row);
      if (row === this.#current) this.#current = null;
    }
    if (focused && !this.focused) this.focus();
  }

  #clicked(event) {
    const row = this.#rowOf.get(event.target.closest('#lines > *'));
    if (row === undefined) return;
    if (event.target.closest('.more')) row.toggle();
    else if (getSelection().isCollapsed) this.onClick(row);
  }
}

function sizeOf(row) {
  return row.records.reduce((sum, record) => sum + record.size, 0);
}

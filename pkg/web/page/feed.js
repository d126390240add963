/**
 * Brings records from the stream into the list, a bounded number per frame of the display, and holds them back while the
 * view is paused or the reader looks at older lines.
 * @module
 */

import { Queue } from './queue.js';
import { skippedNote } from './record.js';

/** Rows that the document holds at most. */
const MOST_ROWS = 2000;

/** Rows that are left while the end is followed: the rest is room for those that come while the reader looks back. */
const KEPT_ROWS = 1500;

/** Records that become rows in one frame. */
const PER_FRAME = 200;

/** Records that wait at most, and what they hold together, in UTF-16 units. */
const MOST_WAITING = 5000;
const LARGEST_WAITING = 16 * 1024 * 1024;

/** Lines below the minimum severity that are kept, for when it is lowered; and what they hold. */
const MOST_ASIDE = 2000;
const LARGEST_ASIDE = 4 * 1024 * 1024;

/** @typedef {import('./record.js').Record} Record */

export class Feed {
  /** Lines that were never shown because they came too fast, or while there was no room to hold them. */
  skipped = 0;
  /** Whether the end is followed. */
  following = true;
  paused = false;

  #list;
  #onChange;
  #minimum;
  #waiting = new Queue(MOST_WAITING, LARGEST_WAITING);
  #aside = new Queue(MOST_ASIDE, LARGEST_ASIDE);
  #order = new WeakMap();
  #next = 0;
  #unseen = 0; // appended below the view
  #refused = 0; // while the queue was full and held back, not yet told in the list
  #refusedWhy = '';
  #frame = 0;

  /**
   * @param {import('./list.js').List} list
   * @param {number} minimum the least severe that is shown
   * @param {() => void} onChange is called after each frame that changed something
   */
  constructor(list, minimum, onChange) {
    this.#list = list;
    this.#minimum = minimum;
    this.#onChange = onChange;
  }

  /** Lines that wait for the end of a pause. */
  get waiting() {
    return this.#waiting.length;
  }

  /** Lines below the view, in the document or waiting for room there. */
  get below() {
    return this.following ? 0 : this.#unseen + this.#waiting.length;
  }

  /**
   * @param {Record} record
   * @returns {boolean} whether it is as severe as those that are shown
   */
  receive(record) {
    this.#order.set(record, this.#next++);
    if (!this.#passes(record)) {
      this.#setAside(record);
      return false;
    }
    this.#wait(record);
    this.#schedule();
    return true;
  }

  pause() {
    this.paused = true;
  }

  /** Shows what has waited: at once if it fits, otherwise from its beginning, to be scrolled through. */
  resume() {
    this.paused = false;
    if (this.#waiting.length > KEPT_ROWS) this.#page();
    this.#schedule();
  }

  /** Leaves the view where it is, whatever comes. */
  hold() {
    this.following = false;
  }

  /** The reader has scrolled. */
  scrolled() {
    if (!this.#list.atEnd) {
      this.following = false;
    } else if (!this.following && !this.paused && this.#waiting.length > PER_FRAME) {
      this.#page();
    } else {
      this.following = true;
      this.#unseen = 0;
    }
    this.#schedule();
    this.#onChange();
  }

  /** Goes to the newest line. What waits and would not stay is skipped. */
  jump() {
    if (!this.paused) this.#skipTo(KEPT_ROWS, 'you went on to the newest');
    this.following = true;
    this.#unseen = 0;
    this.#list.toEnd();
    this.#schedule();
    this.#onChange();
  }

  /** Forgets all lines, those that wait, too. */
  clear() {
    this.#list.trim(0);
    this.#waiting.takeAll();
    this.#aside.takeAll();
    this.skipped = 0;
    this.#refused = 0;
    this.jump();
  }

  /** @param {number} severity the least severe that is shown from now on, among the lines that are there, too */
  setMinimum(severity) {
    this.#minimum = severity;
    const waiting = this.#waiting.takeAll();
    const firstWaiting = waiting.length > 0 ? this.#order.get(waiting[0]) : Infinity;
    const all = [...this.#list.records, ...waiting, ...this.#aside.takeAll()];
    all.sort((a, b) => this.#order.get(a) - this.#order.get(b));
    const shown = [];
    for (const record of all) {
      if (!this.#passes(record)) this.#setAside(record);
      else if (this.#order.get(record) < firstWaiting) shown.push(record);
      else this.#wait(record);
    }
    this.#list.replace(shown.slice(-KEPT_ROWS));
    this.following = true;
    this.#unseen = 0;
    this.#list.toEnd();
    this.#schedule();
    this.#onChange();
  }

  #passes(record) {
    return record.kind !== 'line' || this.#minimum > 7 || record.severity <= this.#minimum;
  }

  #setAside(record) {
    while (!this.#aside.push(record)) this.#aside.take(MOST_ASIDE / 10);
  }

  #wait(record) {
    if (this.#waiting.full && this.following && !this.paused) this.#skipTo(KEPT_ROWS, 'they came too fast');
    if (this.#waiting.full) {
      this.#refused++;
      this.#refusedWhy = this.paused ? 'the pause was too long to hold them all' : 'too many came while you looked at older lines';
      this.skipped++;
      return;
    }
    this.#tellRefused(this.#order.get(record) - 0.5);
    this.#waiting.push(record);
  }

  /** Puts the note of those that were refused where they would stand. */
  #tellRefused(order) {
    if (this.#refused === 0) return;
    const note = skippedNote(this.#refused, this.#refusedWhy);
    this.#order.set(note, order);
    this.#waiting.push(note);
    this.#refused = 0;
  }

  /** Throws away the oldest that wait, so that n remain or less, and says so in their place. */
  #skipTo(n, why) {
    const all = this.#waiting.takeAll();
    const kept = all.slice(-n);
    const skipped = all.length - kept.length;
    if (skipped > 0) {
      const note = skippedNote(skipped, why);
      this.#order.set(note, this.#order.get(kept[0]) - 0.5);
      this.#waiting.push(note);
      this.skipped += skipped;
    }
    for (const record of kept) this.#waiting.push(record);
  }

  /** Makes room below what is in view, which is then no longer the end. */
  #page() {
    this.following = false;
    this.#list.trimInPlace(KEPT_ROWS);
  }

  #schedule() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    if (this.paused) return;
    const room = this.following ? PER_FRAME : Math.min(PER_FRAME, MOST_ROWS - this.#list.length);
    const records = this.#waiting.take(room);
    this.#tellRefused(this.#next);
    if (records.length === 0) return;
    if (this.following) this.#list.trim(KEPT_ROWS - records.length);
    this.#list.append(records);
    if (this.following) this.#list.toEnd();
    else this.#unseen += records.length;
    if (this.#waiting.length > 0) this.#schedule();
    this.#onChange();
  }
}

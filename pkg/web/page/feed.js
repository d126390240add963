/**
 * Moves records from the stream into the list, a bounded number per animation frame. Holds them back while the view is
 * paused or the reader looks at older lines.
 * @module
 */

import { Queue } from './queue.js';
import { skippedNote } from './record.js';

/** The most rows in the document. */
const MOST_ROWS = 2000;

/** The most rows while the end is followed. The rest is room for new lines while the reader looks back. */
const FOLLOWED_ROWS = 1500;

/** The most records that become rows in one frame. */
const PER_FRAME = 200;

/** The most records that wait, and their size together in UTF-16 units. */
const MOST_WAITING = 5000;
const LARGEST_WAITING = 16 * 1024 * 1024;

/** The most lines below the minimum severity that are set aside in case it is lowered, and their size together. */
const MOST_ASIDE = 2000;
const LARGEST_ASIDE = 4 * 1024 * 1024;

/** @typedef {import('./record.js').Record} Record */

export class Feed {
  /** Lines that were never shown because they arrived too fast, or while there was no room to hold them. */
  skipped = 0;
  /** Whether the view follows the newest line. */
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
  #dropped = 0; // lines that found the queue full and that no note in the list reports yet
  #dropReason = '';
  #frame = 0;

  /**
   * @param {import('./list.js').List} list
   * @param {number} minimum the least severe level that is shown
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
   * @returns {boolean} whether the record is severe enough to be shown
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

  /** Ends the pause. What has waited is shown at once if it fits, otherwise from its beginning. */
  resume() {
    this.paused = false;
    if (this.#waiting.length > FOLLOWED_ROWS) this.#page();
    this.#schedule();
  }

  /** Leaves the view where it is, whatever arrives. */
  hold() {
    this.following = false;
  }

  /** Reacts to scrolling. */
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

  /** Goes to the newest line. Waiting lines that would be removed at once are skipped. */
  jump() {
    if (!this.paused) this.#skipTo(FOLLOWED_ROWS, 'you jumped to the newest line');
    this.following = true;
    this.#unseen = 0;
    this.#list.toEnd();
    this.#schedule();
    this.#onChange();
  }

  /** Removes all lines, including those that wait. */
  clear() {
    this.#list.trim(0);
    this.#waiting.takeAll();
    this.#aside.takeAll();
    this.skipped = 0;
    this.#dropped = 0;
    this.jump();
  }

  /** @param {number} severity the least severe level to show, among new lines and those already received */
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
    this.#list.replace(shown.slice(-FOLLOWED_ROWS));
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
    if (this.#waiting.full && this.following && !this.paused) this.#skipTo(FOLLOWED_ROWS, 'they arrived too fast');
    if (this.#waiting.full) {
      this.#dropped++;
      this.#dropReason = this.paused ? 'the pause was too long to hold them all' : 'too many arrived while you looked at older lines';
      this.skipped++;
      return;
    }
    this.#noteDropped(this.#order.get(record) - 0.5);
    this.#waiting.push(record);
  }

  /** Puts a note about the dropped lines in their place. */
  #noteDropped(order) {
    if (this.#dropped === 0) return;
    const note = skippedNote(this.#dropped, this.#dropReason);
    this.#order.set(note, order);
    this.#waiting.push(note);
    this.#dropped = 0;
  }

  /** Drops the oldest waiting records, so that at most n remain, and puts a note in their place. */
  #skipTo(n, why) {
    const all = this.#waiting.takeAll();
    const rest = all.slice(-n);
    const skipped = all.length - rest.length;
    if (skipped > 0) {
      const note = skippedNote(skipped, why);
      this.#order.set(note, this.#order.get(rest[0]) - 0.5);
      this.#waiting.push(note);
      this.skipped += skipped;
    }
    for (const record of rest) this.#waiting.push(record);
  }

  /** Removes old rows to make room for new ones below the view, and stops following the end. */
  #page() {
    this.following = false;
    this.#list.trimInPlace(FOLLOWED_ROWS);
  }

  #schedule() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    if (this.paused) return;
    const room = this.following ? PER_FRAME : Math.min(PER_FRAME, MOST_ROWS - this.#list.length);
    const records = this.#waiting.take(room);
    this.#noteDropped(this.#next);
    if (records.length === 0) return;
    if (this.following) this.#list.trim(FOLLOWED_ROWS - records.length);
    this.#list.append(records);
    if (this.following) this.#list.toEnd();
    else this.#unseen += records.length;
    if (this.#waiting.length > 0) this.#schedule();
    this.#onChange();
  }
}

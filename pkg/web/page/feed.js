/**
 * Keeps what the stream brings, and moves it into the list, a screenful per animation frame. The list shows a
 * part of the memory without a hole: its end, or what the reader looks at.
 * @module
 */

import { Pace } from './pace.js';
import { Past } from './past.js';
import { skippedNote } from './record.js';
import { Traces } from './trace.js';

/** The most rows in the document. */
const MOST_ROWS = 2000;

/** The most rows while the end is followed. The rest is room for new lines while the reader looks back. */
const FOLLOWED_ROWS = 1500;

/** The rows that a new view begins with, and those that are added where the reader looks back: in screens. */
const WINDOW = 2;
const MORE = 3;

/** How near to the first row the reader is when older ones are put before it, in pixels. */
const EDGE = 100;

/** @typedef {import('./record.js').Record} Record */

export class Feed {
  /** Lines that left the memory before they could be shown. */
  skipped = 0;
  /** Lines that have left the memory. */
  forgotten = 0;
  /** Lines in memory that the view shows, and those that it hides. */
  matching = 0;
  hidden = 0;
  /** Whether the view follows the newest line, and why it does not. */
  following = true;
  reason = '';
  paused = false;

  #list;
  #log;
  #onChange;
  #view;
  #memory = new Past((record) => this.#forget(record));
  #traces = new Traces();
  #next = 0; // the number of the first record that is not in the list
  #waiting = 0; // records from #next on that the view shows
  #unseen = 0; // that have come since the end is not followed
  #dropped = 0; // those of skipped that no note in the list reports yet
  #heldAt = 0; // scrolling on from here to the end follows it again
  #pace = new Pace();

  /**
   * @param {import('./list.js').List} list
   * @param {Element} log the element that scrolls
   * @param {import('./view.js').View} view
   * @param {() => void} onChange is called after each frame that changed something
   */
  constructor(list, log, view, onChange) {
    this.#list = list;
    this.#log = log;
    this.#view = view;
    this.#onChange = onChange;
  }

  /** Lines that wait for the end of a pause. */
  get waiting() {
    return this.#waiting;
  }

  /** Lines that have come since the view does not follow the end. */
  get below() {
    return this.following ? 0 : this.#unseen;
  }

  /** All records that the view shows, in the list, before it and after it. @returns {Record[]} */
  get shown() {
    return this.#memory.all(this.#list.records).filter((record) => this.#view.passes(record));
  }

  /**
   * The lines that the view shows and the search finds. Of lines that are folded into one row, the first.
   * @returns {Record[]}
   */
  get found() {
    const found = this.shown.filter((record) => this.#view.finds(record));
    return Array.from(new Set(found.map((record) => this.#headOf(record)))).sort((a, b) => a.seq - b.seq);
  }

  /** When the oldest line in memory was received, NaN if there is none. */
  get since() {
    return this.#memory.at(this.#memory.first)?.received ?? NaN;
  }

  /** @param {Record} record */
  receive(record) {
    this.#pace.count();
    if (record.kind === 'line') this.#traces.join(record);
    this.#memory.add(record);
    const passes = this.#view.passes(record);
    this.#count(record, passes, 1);
    if (!passes) return;
    this.#waiting++;
    if (!this.following) this.#unseen++;
    this.#schedule();
  }

  pause() {
    this.paused = true;
  }

  /** Ends the pause. What has waited is shown at once if it fits, otherwise from its beginning. */
  resume() {
    this.paused = false;
    if (this.#waiting > FOLLOWED_ROWS) this.#page('the pause was long');
    this.#schedule();
  }

  /**
   * Leaves the view where it is, whatever arrives.
   * @param {string} reason what the reader has done
   */
  hold(reason) {
    this.#heldAt = Infinity; // what brings a line into view may reach the end: that is not the reader
    this.reason = reason;
    if (!this.following) return;
    this.following = false;
    this.#unseen = this.#waiting;
    this.#onChange();
  }

  /** Reacts to scrolling. */
  scrolled() {
    if (!this.#list.atEnd) {
      if (this.following) this.hold('you scrolled');
      this.#heldAt = this.#log.scrollTop;
      if (this.#log.scrollTop < EDGE) this.#older();
    } else if (!this.following && this.#log.scrollTop > this.#heldAt) {
      if (!this.paused && this.#waiting > this.#list.screen) this.#page(this.reason);
      else this.#follow();
    }
    this.#schedule();
    this.#onChange();
  }

  /** Goes to the newest line. */
  jump() {
    if (!this.paused && this.#waiting > FOLLOWED_ROWS) this.#catchUp(WINDOW * this.#list.screen);
    this.#follow();
    this.#list.toEnd();
    this.#schedule();
    this.#onChange();
  }

  /** Goes to the oldest line in memory. */
  toStart() {
    this.hold('you went to the oldest line');
    this.#window(-Infinity);
    this.#list.toStart();
    this.#onChange();
  }

  /** Removes all lines, including those that wait. */
  clear() {
    this.#list.trim(0);
    this.#memory.clear();
    this.#traces.clear();
    this.skipped = this.forgotten = this.matching = this.hidden = this.#dropped = this.#waiting = 0;
    this.#next = this.#memory.next;
    this.jump();
  }

  /** Searches for something else. @param {import('./view.js').View} view that shows the same lines */
  setSearch(view) {
    this.#view = view;
  }

  /**
   * Shows what another view shows. What is in view stays near, unless the end is followed.
   * @param {import('./view.js').View} view
   */
  setView(view) {
    const place = this.following ? undefined : this.#list.top;
    this.#view = view;
    this.matching = this.hidden = 0;
    for (const record of this.#memory.between(this.#memory.first, this.#memory.next)) this.#count(record, view.passes(record), 1);
    const flooded = this.#pace.flood && !this.paused && this.matching > this.#list.screen;
    if (place === undefined && flooded) return this.#restart();
    this.#window(place?.seq ?? Infinity);
    if (place === undefined) this.#list.toEnd();
    else this.#list.show(this.#list.records.find((record) => record.seq >= place.seq) ?? null, 'start');
    this.#schedule();
    this.#onChange();
  }

  /**
   * Finds a line that the view shows.
   * @param {(line: import('./record.js').Line) => boolean} condition
   * @returns {Record | undefined}
   */
  find(condition) {
    return this.shown.find((candidate) => candidate.kind === 'line' && condition(candidate));
  }

  /**
   * Brings a line that the view shows to the middle, and makes it the current one.
   * @param {Record} record
   * @param {string} reason
   */
  reveal(record, reason) {
    this.hold(reason);
    const at = this.#headOf(record);
    if (!this.#list.has(at)) this.#window(at.seq);
    this.#list.show(at, 'center');
    this.#list.setCurrent(at);
    this.#onChange();
  }

  /** Returns the record in whose row a record is, or would be. */
  #headOf(record) {
    const { head } = record;
    const there = this.#list.groups && head && (head.seq >= this.#memory.first || this.#list.has(head)) && this.#view.passes(head);
    return there ? head : record;
  }

  /** Shows the records about a place. During a pause, none that waits comes into view. */
  #window(seq) {
    const limit = this.paused ? this.#next : Infinity;
    const shown = this.#memory.all(this.#list.records).filter((record) => record.seq < limit && this.#view.passes(record));
    const at = shown.findIndex((record) => record.seq >= seq);
    const rows = WINDOW * this.#list.screen;
    const from = Math.max((at < 0 ? shown.length - rows : at - rows / 2), 0);
    const records = shown.slice(from, from + rows);
    this.#memory.keep(this.#list.records);
    this.#list.replace(records);
    const last = records.at(-1);
    this.#next = last && last !== shown.at(-1) ? last.seq + 1 : Math.min(this.#memory.next, limit);
    this.#recount();
  }

  #recount() {
    this.#next = Math.max(this.#next, this.#memory.first);
    this.#waiting = 0;
    for (const record of this.#memory.between(this.#next, this.#memory.next)) {
      if (this.#view.passes(record)) this.#waiting++;
    }
  }

  #count(record, passes, by) {
    if (record.kind !== 'line') return;
    if (passes) this.matching += by;
    else this.hidden += by;
  }

  /** Takes leave of a record that the memory has no room for. */
  #forget(record) {
    const passes = this.#view.passes(record);
    this.#count(record, passes, -1);
    if (record.kind === 'line') this.forgotten++;
    if (record.seq < this.#next) return;
    this.#next = record.seq + 1;
    if (!passes) return;
    this.#waiting--;
    this.#unseen = Math.max(this.#unseen - 1, 0);
    this.#dropped++;
    this.skipped++;
  }

  #follow() {
    this.following = true;
    this.reason = '';
    this.#unseen = 0;
  }

  /** Shows the newest screenful alone: in a flood, others replace it at once. */
  #restart() {
    this.#memory.keep(this.#list.records);
    this.#next = this.#memory.first;
    this.#catchUp(this.#list.screen);
    this.#draw();
  }

  /** Leaves out of the list what would be removed from it at once. It stays in memory. */
  #catchUp(rows) {
    this.#list.trim(0);
    this.#dropped = 0;
    let n = 0;
    let seq = this.#memory.next;
    while (n < rows && seq > this.#next) if (this.#view.passes(this.#memory.at(--seq))) n++;
    this.#next = seq;
    this.#waiting = n;
  }

  /** Puts older lines before the first row. */
  #older() {
    const first = this.#list.first;
    if (first === undefined || this.following) return;
    const records = this.#memory.before(first.seq, MORE * this.#list.screen, (record) => this.#view.passes(record));
    if (records.length === 0) return;
    this.#list.prepend(records);
    if (this.#list.length <= MOST_ROWS) return;
    this.#next = this.#list.trimEnd(MOST_ROWS).seq;
    this.#recount();
  }

  /** Removes old rows to make room for new ones below the view, and stops following the end. */
  #page(reason) {
    this.hold(reason);
    this.#list.trimInPlace(FOLLOWED_ROWS);
    this.#heldAt = -1; // scrolling on goes on
    this.#schedule(true);
  }

  #schedule(now = false) {
    this.#pace.schedule(() => this.#draw(), now);
  }

  #draw() {
    if (this.paused) return;
    const { flood } = this.#pace;
    const { screen, length } = this.#list;
    if (this.following && this.#waiting > (flood ? screen : FOLLOWED_ROWS)) this.#catchUp(flood ? screen : WINDOW * screen);
    const records = this.#take(this.following ? screen : Math.min(flood ? screen : MORE * screen, MOST_ROWS - length));
    if (records.length === 0) return;
    if (this.following) this.#list.trim(FOLLOWED_ROWS - records.length);
    this.#list.append(records);
    this.#onChange(); // before it, the lines may be hidden
    if (this.following) this.#list.toEnd();
    if (this.#waiting > 0) this.#schedule();
  }

  /** Takes the next records that the view shows, at most n, with a note about those that are missing before them. */
  #take(n) {
    const records = [];
    while (records.length < n && this.#next < this.#memory.next) {
      const record = this.#memory.at(this.#next++);
      if (this.#view.passes(record)) records.push(record);
    }
    this.#waiting -= records.length;
    if (this.#dropped > 0 && records.length > 0) {
      const note = skippedNote(this.#dropped, 'too many came meanwhile to hold them all');
      note.seq = records[0].seq - 0.5;
      records.unshift(note);
      this.#dropped = 0;
    }
    return records;
  }
}

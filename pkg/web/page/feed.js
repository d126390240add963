/**
 * Keeps what the stream brings, and moves it into the list, a screenful per animation frame. The list shows a
 * part of the memory without a hole: its end, or what the reader looks at.
 * @module
 */

import { Pace } from './pace.js';
import { skippedNote } from './record.js';
import { Stock } from './stock.js';
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
  /** Whether the view follows the newest line, and why it does not. */
  following = true;
  reason = '';
  paused = false;

  #list;
  #log;
  #onChange;
  #memory;
  #traces = new Traces();
  #next = 0; // the number of the first record that is not in the list
  #limit = 0; // during a pause: the number of the first record that is not to come into view
  #waiting = 0; // records from #next to #end that the view shows
  #pending = 0; // and those from #end on
  #since = 0; // the number of the first record that came when the end was not followed any more
  #unseen = 0; // lines from there on that the view shows
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
    this.#memory = new Stock(list, view, (record) => this.#forget(record));
    this.#onChange = onChange;
  }

  /** Lines that wait for the end of a pause. */
  get waiting() {
    return this.#pending;
  }

  /** Lines that have come since the view does not follow the end. */
  get below() {
    return this.following ? 0 : this.#unseen;
  }

  /** The number after the last record that may be in the list. */
  get #end() {
    return this.paused ? this.#limit : this.#memory.next;
  }

  /** Lines in memory that the view shows, those that it hides, and lines that have left the memory. */
  get matching() {
    return this.#memory.matching;
  }

  get hidden() {
    return this.#memory.hidden;
  }

  get forgotten() {
    return this.#memory.forgotten;
  }

  /** All records that the view shows. @returns {Record[]} */
  get shown() {
    return this.#memory.shown;
  }

  /**
   * The lines that the view shows and the search finds; during a pause, none that waits for its end. Of lines that are
   * folded into one row, the first.
   * @returns {Record[]}
   */
  get found() {
    return this.#memory.foundBefore(this.#end);
  }

  /** @param {Record} record */
  receive(record) {
    this.#pace.count();
    if (record.kind === 'line') this.#traces.join(record);
    this.#memory.add(record);
    if (!this.#memory.passes(record)) return;
    if (this.paused) this.#pending++;
    else this.#waiting++;
    if (!this.following && record.kind === 'line') this.#unseen++;
    this.#schedule();
  }

  /** Lets nothing more come into view than what is there, or below it. */
  pause() {
    this.#limit = this.following ? this.#next : this.#memory.next;
    this.paused = true;
    this.#recount();
  }

  /** Ends the pause. What has waited is shown at once if it fits, otherwise from its beginning. */
  resume() {
    this.paused = false;
    this.#recount();
    if (this.following && this.#waiting > FOLLOWED_ROWS) this.#page('the pause was long');
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
    this.#since = this.#next;
    this.#recount();
    this.#onChange();
  }

  /** Reacts to scrolling. */
  scrolled() {
    if (!this.#list.atEnd && this.following && this.#list.moved) {
      this.#list.toEnd();
    } else if (!this.#list.atEnd) {
      if (this.following) this.hold('you scrolled');
      this.#heldAt = this.#log.scrollTop;
      if (this.#log.scrollTop < EDGE) this.#older();
    } else if (!this.following && this.#log.scrollTop > this.#heldAt) {
      if (this.#waiting > this.#list.screen) this.#page(this.reason);
      else this.#follow();
    }
    this.#schedule();
    this.#onChange();
  }

  /** Goes to the newest line. */
  jump() {
    if (this.#waiting > FOLLOWED_ROWS) this.#catchUp(WINDOW * this.#list.screen);
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
    this.skipped = this.#dropped = this.#waiting = this.#pending = 0;
    this.#next = this.#limit = this.#memory.next;
    this.jump();
  }

  /** Searches for something else. @param {import('./view.js').View} view that shows the same lines */
  setSearch(view) {
    this.#memory.setSearch(view);
  }

  /**
   * Shows what another view shows. What is in view stays near, unless the end is followed.
   * @param {import('./view.js').View} view
   */
  setView(view) {
    const place = this.following ? undefined : this.#list.top;
    this.#memory.setView(view);
    const flooded = this.#pace.flood && !this.paused && this.matching > this.#list.screen;
    if (place === undefined && flooded) return this.#restart();
    this.#window(place?.seq ?? Infinity);
    if (place === undefined) this.#list.toEnd();
    else this.#showPlace(place.seq);
    this.#schedule();
    this.#onChange();
  }

  /** Brings the first record from a number on to the top of what is in view. */
  #showPlace(seq) {
    const record = this.#list.records.find((candidate) => candidate.seq >= seq);
    if (record !== undefined) this.#list.show(this.#memory.headOf(record), 'start');
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
    const at = this.#memory.headOf(record);
    this.#limit = Math.max(this.#limit, at.seq + 1); // a link may lead to a line that waits for the end of a pause
    if (!this.#list.has(at)) this.#window(at.seq);
    this.#list.show(at, 'center');
    this.#list.setCurrent(at);
    this.#onChange();
  }

  /**
   * Returns the record of the next row beyond those of the list that satisfies a condition, undefined if there is none.
   * @param {1 | -1} by
   * @param {(record: Record) => boolean} condition
   */
  beyond(by, condition) {
    return this.#memory.beyond(by, this.#next, this.#end, condition);
  }

  /** Shows the records about a place. During a pause, none that waits comes into view. */
  #window(seq) {
    const limit = this.#end;
    const shown = this.shown.filter((record) => record.seq < limit);
    const at = shown.findIndex((record) => record.seq >= seq);
    const rows = WINDOW * this.#list.screen;
    const from = Math.max((at < 0 ? shown.length - rows : at - rows / 2), 0);
    const remembered = shown.findIndex((record) => record.seq >= this.#memory.first);
    const to = Math.min(Math.max(from + rows, remembered), from + MOST_ROWS); // only those in memory can be added later
    const records = shown.slice(from, to);
    this.#memory.keep(this.#list.records);
    this.#list.replace(records);
    this.#dropped = 0; // those that are missing are noted where they are
    this.#drop(shown.slice(to));
    const last = records.at(-1);
    this.#next = last && last !== shown.at(-1) ? Math.floor(last.seq) + 1 : limit;
    this.#recount();
  }

  /** Takes note of records after the list that are not in memory. */
  #drop(records) {
    for (const { kind, seq, lines = 1 } of records) if (seq < this.#memory.first && (kind === 'line' || kind === 'skipped')) this.#dropped += lines;
  }

  /** Counts again what is not in the list. */
  #recount() {
    const end = this.#end;
    this.#next = Math.max(this.#next, this.#memory.first);
    this.#waiting = this.#pending = this.#unseen = 0;
    for (const record of this.#memory.between(Math.min(this.#next, Math.max(this.#since, this.#memory.first)), this.#memory.next)) {
      if (!this.#memory.passes(record)) continue;
      if (record.seq >= this.#next && record.seq < end) this.#waiting++;
      if (record.seq >= this.#next && record.seq >= end) this.#pending++;
      if (!this.following && record.seq >= this.#since && record.kind === 'line') this.#unseen++;
    }
  }

  /** Takes leave of a record that the memory has no room for. */
  #forget(record) {
    const passes = this.#memory.passes(record);
    const listed = record.seq < this.#next && record.seq >= (this.#list.first?.seq ?? Infinity);
    if (passes) this.#memory.left(record, listed);
    if (record.seq < this.#next) return;
    this.#next = record.seq + 1;
    if (!passes) return;
    if (record.seq < this.#end) this.#waiting--;
    else this.#pending--;
    if (!this.following && record.seq >= this.#since && record.kind === 'line') this.#unseen--;
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
    let seq = this.#end;
    while (n < rows && seq > this.#next) if (this.#memory.passes(this.#memory.at(--seq))) n++;
    this.#next = seq;
    this.#waiting = n;
  }

  /** Puts older lines before the first row, and into them those that continue them. */
  #older() {
    const { first } = this.#list;
    if (first === undefined || this.following) return;
    const records = this.#memory.before(first.seq, MORE * this.#list.screen, (record) => this.#memory.passes(record));
    if (records.length === 0) return;
    this.#list.prepend([...records, ...this.#memory.continuing(first.seq, this.#next, records)]);
    if (this.#list.length <= MOST_ROWS) return;
    const removed = this.#list.trimEnd(MOST_ROWS);
    this.#drop(removed);
    this.#next = Math.ceil(removed[0].seq);
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
    const { flood } = this.#pace;
    const { screen, length } = this.#list;
    if (this.following && this.#waiting > (flood ? screen : FOLLOWED_ROWS)) this.#catchUp(flood ? screen : WINDOW * screen);
    const room = this.#list.full ? 0 : MOST_ROWS - length;
    const records = this.#take(this.following ? screen : Math.min(flood ? screen : MORE * screen, room));
    if (records.length === 0) return;
    if (this.following) this.#list.trim(FOLLOWED_ROWS - records.length);
    this.#list.append(records, !this.following);
    this.#onChange(); // before it, the lines may be hidden
    if (this.following) this.#list.toEnd();
    if (this.#waiting > 0) this.#schedule();
  }

  /** Takes the next records that the view shows, at most n, with a note about those that are missing before them. */
  #take(n) {
    const records = [];
    while (records.length < n && this.#next < this.#end) {
      const record = this.#memory.at(this.#next++);
      if (this.#memory.passes(record)) records.push(record);
    }
    this.#waiting -= records.length;
    if (this.#dropped > 0 && records.length > 0) {
      records.unshift(skippedNote(this.#dropped, records[0].seq));
      this.#dropped = 0;
    }
    return records;
  }
}

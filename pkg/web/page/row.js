/**
 * One record in the document, with the lines that continue it.
 * @module
 */

import { shownOf } from './columns.js';
import { fill } from './highlight.js';
import { NONE } from './severity.js';
import { counted, cut, printable, segments } from './text.js';
import { isPython, linesOf } from './trace.js';

/** How much of a cell, the frames and a title is shown, in UTF-16 units. */
const SHORT = 256;

/** In how many colors programs and topics are written: see style.css. */
const HUES = 6;

/**
 * @typedef {object} Look how lines are shown
 * @property {import('./columns.js').Column[]} columns
 * @property {import('./clock.js').Clock} clock
 * @property {boolean} group whether lines that continue another one are folded into it
 */

/** @typedef {import('./record.js').Record} Record */

/** A record and its element. */
export class Row {
  /** The number of marked matches in the row. */
  matches = 0;
  /** The record, and those that continue it. @type {Record[]} */
  records;
  #lines; // of the text of all records
  #cells = [];
  #pattern = null;
  #extra = null;
  #expanded = false;

  /**
   * @param {Record} record
   * @param {RegExp | null} pattern what to mark
   * @param {Look} look
   */
  constructor(record, pattern, look) {
    this.records = [record];
    this.#lines = linesOf(record.text);
    this.element = document.createElement('div');
    this.render(pattern, look);
  }

  get record() {
    return this.records[0];
  }

  /**
   * Makes the row's content again.
   * @param {RegExp | null} pattern
   * @param {Look} look
   */
  render(pattern, look) {
    this.element.replaceChildren();
    this.#cells = [];
    this.#extra = null;
    if (this.record.kind === 'line') this.#fields(this.record, look);
    else this.#note(this.record);
    this.mark(pattern);
  }

  /**
   * Adds lines that continue this one, but for those that are there.
   * @param {import('./record.js').Line[]} lines
   * @returns {import('./record.js').Line[]} those that were added
   */
  add(lines) {
    const there = new Set(this.records.map(({ seq }) => seq));
    const added = lines.filter(({ seq }) => !there.has(seq));
    this.records = this.records.concat(added);
    const texts = added.flatMap(({ text }) => linesOf(text));
    this.#lines = this.#lines.concat(texts);
    this.#write();
    this.#mark();
    if (this.matches === 0) this.#unfoldFor(texts);
    return added;
  }

  /**
   * Marks the matches of a pattern, null for none. Unfolds the row for a match that is not in view.
   * @param {RegExp | null} pattern
   */
  mark(pattern) {
    this.#pattern = pattern;
    this.#mark();
    if (this.matches === 0) this.#unfoldFor(this.#lines.slice(1));
  }

  /** Unfolds the row if the pattern is in lines that it has folded. */
  #unfoldFor(lines) {
    if (this.#pattern === null || this.#expanded || !this.foldable || this.#lines.length === 1) return;
    if (lines.some((line) => line.search(this.#pattern) >= 0)) this.toggle();
  }

  /** Whether there is more of the line than is shown at first. */
  get foldable() {
    return this.element.querySelector('.more') !== null;
  }

  /** Shows all of a long message, or its beginning again. */
  toggle() {
    this.#expanded = !this.#expanded;
    this.#write();
    this.#mark();
  }

  #mark() {
    this.matches = 0;
    for (const cell of this.#cells) {
      if (this.#pattern === null && cell.marks === 0) continue;
      cell.marks = fill(cell.element, cell.segments, this.#pattern);
      this.matches += cell.marks;
    }
  }

  #fields(record, look) {
    this.element.className = record.severity === NONE ? 'line' : `line severity-${record.severity}`;
    if (record.head !== null && look.group) this.element.classList.add('continued');
    const topics = look.columns.some(({ name }) => name === 'topic');
    look.columns.forEach(({ name }, i) => this.element.append(this.#field(record, name, `c${i}`, look.clock, topics), ' '));
    if (record.frames.length > 0) {
      this.element.append(this.#cell('frames', short(record.frames.map((frame) => `[${frame}]`).join(' '))), ' ');
    }
    if (record.extra !== '') this.#extra = this.#cell('extra', record.extra);
    this.element.append(this.#cell('message', ''));
    this.#write();
  }

  #field(record, name, place, clock, topics) {
    if (name === 'time' || name === 'received') return timeOf(record, name, place, clock);
    const value = shownOf(record, name, topics);
    const known = /^[a-z]+$/.test(name) ? name : 'other';
    const element = this.#cell(`cell ${place} ${known}`, short(value));
    if (value !== '' && name !== 'severity') element.title = printable(short(value));
    const source = { program: record.program || record.topic, topic: record.topic }[known];
    if (source !== undefined) element.classList.add(`hue-${hueOf(source ?? '')}`);
    return element;
  }

  #note(record) {
    this.element.className = `note ${record.kind}`;
    this.element.append(this.#cell('message', record.text));
  }

  #cell(name, text) {
    const element = document.createElement('span');
    element.className = name;
    element.dir = 'auto';
    this.#cells.push({ element, segments: segments(text), marks: -1 });
    return element;
  }

  /** Writes the message: its first line, or all, and the button that unfolds it. */
  #write() {
    const lines = this.#lines;
    const { head, more } = cut(lines[0]);
    const cell = this.#cells.at(-1);
    cell.segments = segments(this.#expanded ? lines.join('\n') : head, true);
    cell.marks = -1; // forces mark to fill it, even without a pattern
    for (const old of this.element.querySelectorAll('.more, .tail')) old.remove();
    if (this.#extra) this.element.append(' ', this.#extra);
    if (lines.length === 1 && more === 0) return;
    const folded = lines.length > 1 ? `+ ${counted(lines.length - 1, 'line')}` : `… ${counted(more, 'more byte')}`;
    this.element.append(' ', moreButton(this.#expanded ? 'show less' : folded, this.#expanded));
    if (!this.#expanded && lines.length > 1 && isPython(lines)) this.element.append(tailOf(lines.at(-1)));
  }
}

function short(text) {
  return text.length > SHORT ? `${text.slice(0, SHORT)}…` : text;
}

function timeOf(record, name, place, clock) {
  const element = document.createElement('time');
  element.className = `cell ${place}`;
  const time = record[name];
  element.title = `${clock.long(time)}${record.time === record.received ? '' : `, received ${clock.long(record.received)}`}`;
  element.textContent = clock.short(time);
  if (!Number.isNaN(time)) element.dateTime = new Date(time).toISOString();
  return element;
}

function moreButton(text, expanded) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'more';
  button.textContent = text;
  button.setAttribute('aria-expanded', String(expanded));
  return button;
}

/** The last line of a Python traceback, which says what is wrong. */
function tailOf(line) {
  const element = document.createElement('span');
  element.className = 'tail';
  element.textContent = ` ${printable(short(line))}`;
  return element;
}

function hueOf(text) {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) | 0;
  return Math.abs(hash) % HUES;
}

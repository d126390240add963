/**
 * One record in the document.
 * @module
 */

import { fill } from './highlight.js';
import { LABELS, NONE } from './severity.js';
import { counted, cut, printable, segments } from './text.js';

/** How much of the topic, the frames and a title is shown, in UTF-16 units. */
const SHORT = 256;

/** A record and its element. */
export class Row {
  /** The number of marked matches in the row. */
  matches = 0;
  #cells = [];
  #pattern = null;
  #expanded = false;

  /**
   * @param {import('./record.js').Record} record
   * @param {RegExp | null} pattern what to mark
   */
  constructor(record, pattern) {
    this.record = record;
    this.element = document.createElement('div');
    if (record.kind === 'line') this.#line(record);
    else this.#note(record);
    this.mark(pattern);
  }

  /**
   * Marks the matches of a pattern, null for none.
   * @param {RegExp | null} pattern
   */
  mark(pattern) {
    this.#pattern = pattern;
    this.matches = 0;
    for (const cell of this.#cells) {
      if (pattern === null && cell.marks === 0) continue;
      cell.marks = fill(cell.element, cell.segments, pattern);
      this.matches += cell.marks;
    }
  }

  /** Shows all of a long message, or its beginning again. */
  toggle() {
    this.#expanded = !this.#expanded;
    const cell = this.#cells.at(-1);
    const { head, more } = cut(this.record.message);
    cell.segments = segments(this.#expanded ? this.record.message : head);
    cell.marks = -1; // forces mark to fill it, even without a pattern
    this.mark(this.#pattern);
    const button = this.element.querySelector('.more');
    button.textContent = moreText(this.#expanded, more);
    button.setAttribute('aria-expanded', String(this.#expanded));
  }

  #line(record) {
    this.element.className = record.severity === NONE ? 'line' : `line severity-${record.severity}`;
    const topic = this.#cell('topic', short(record.topic ?? ''));
    if (record.topic) topic.title = printable(short(record.topic));
    const severity = document.createElement('span');
    severity.className = 'severity';
    severity.textContent = LABELS[record.severity] ?? '';
    this.element.append(timeOf(record), ' ', topic, ' ', severity, ' ');
    if (record.frames.length > 0) {
      this.element.append(this.#cell('frames', short(record.frames.map((frame) => `[${frame}]`).join(' '))), ' ');
    }
    const { head, more } = cut(record.message);
    this.element.append(this.#cell('message', head));
    if (more > 0) this.element.append(' ', moreButton(more));
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
}

function short(text) {
  return text.length > SHORT ? `${text.slice(0, SHORT)}…` : text;
}

function timeOf(record) {
  const element = document.createElement('time');
  const received = printable(short(record.received));
  element.title = received;
  if (Number.isNaN(record.time)) {
    element.textContent = '--:--:--.---';
    return element;
  }
  element.dateTime = received;
  const date = new Date(record.time);
  const digits = (n, width = 2) => String(n).padStart(width, '0');
  const seconds = `${digits(date.getSeconds())}.${digits(date.getMilliseconds(), 3)}`;
  element.textContent = `${digits(date.getHours())}:${digits(date.getMinutes())}:${seconds}`;
  return element;
}

function moreButton(more) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'more';
  button.textContent = moreText(false, more);
  button.setAttribute('aria-expanded', 'false');
  return button;
}

function moreText(expanded, more) {
  return expanded ? 'show less' : `… ${counted(more, 'more byte')}`;
}

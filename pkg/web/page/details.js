/**
 * All that there is of one line: its fields, its JSON, its bytes.
 * @module
 */

import { bytesOf, dump } from './bytes.js';
import { fieldsOf, TITLES, titleOf } from './columns.js';
import { payloadOf } from './record.js';
import { LABELS } from './severity.js';
import { printable, segments } from './text.js';
import { fill } from './highlight.js';

/** How much of a value and of a name is shown, in UTF-16 units. */
const LONGEST = 64 * 1024;

const LONGEST_NAME = 200;

/** The fields of a line that it can be filtered by, besides those of its JSON. */
const FILTERED = ['topic', 'host', 'program', 'pid', 'facility'];

/** @typedef {import('./record.js').Line} Line */

export class Details {
  /** The line that is shown, null if there is none. @type {Line | null} */
  line = null;

  #elements;
  #clock;
  #actions;
  /** The columns that are shown in the lines. @type {import('./columns.js').Column[]} */
  columns = [];

  /**
   * @param {Record<string, HTMLElement>} elements of the page, by their ids
   * @param {import('./clock.js').Clock} clock
   * @param {{wanted: (list: 'is' | 'not', wanted: object) => void, column: (name: string) => void,
   *     close: () => void}} actions
   */
  constructor(elements, clock, actions) {
    this.#elements = elements;
    this.#clock = clock;
    this.#actions = actions;
    elements['details-close'].addEventListener('click', () => actions.close());
    elements['details-hex'].addEventListener('click', () => this.#toggleHex());
  }

  /** @param {import('./columns.js').Column[]} columns */
  setColumns(columns) {
    this.columns = columns;
    if (this.line !== null) this.show(this.line);
  }

  /** @param {Line} line */
  show(line) {
    this.line = line;
    const event = JSON.parse(line.data);
    const { details, 'details-fields': list, 'details-json': json, 'details-title': title } = this.#elements;
    title.textContent = this.#clock.long(line.time) || 'A line';
    const pressed = Array.from(list.querySelectorAll('button')).indexOf(document.activeElement);
    list.replaceChildren(...this.#fields(line, event));
    list.querySelectorAll('button')[pressed]?.focus();
    json.parentElement.hidden = event.fields === undefined && event.structured === undefined;
    json.textContent = short(indented(event.fields ?? event.structured));
    this.#showRaw(event);
    details.hidden = false;
  }

  hide() {
    this.line = null;
    this.#elements.details.hidden = true;
  }

  #fields(line, event) {
    const rows = [
      ['time', event.time ? this.#clock.long(line.time) : '', null],
      ['received', this.#clock.long(line.received), null],
      ['severity', LABELS[line.severity] ?? '', null],
      ...FILTERED.map((name) => [name, line[name] ?? '', line[name]]),
      ['text', line.text, null],
      ...fieldsOf(event).map(({ name, value }) => [name, value, value]),
    ];
    return rows.filter(([, value]) => value !== '').map(([name, value, wanted]) => this.#field(name, value, wanted));
  }

  /** wanted: what the field can be filtered by, null if it cannot */
  #field(name, value, wanted) {
    const row = document.createElement('div');
    const [term, description] = ['dt', 'dd'].map((tag) => document.createElement(tag));
    term.textContent = name === 'text' ? 'Text' : printable(titleOf(name).slice(0, LONGEST_NAME));
    const text = document.createElement('span');
    text.className = 'value';
    text.dir = 'auto';
    fill(text, segments(short(value), true), null);
    description.append(text);
    const label = term.textContent;
    if (wanted !== null) {
      description.append(
        button('only', `Only lines with this ${label}`, () => this.#actions.wanted('is', { field: name, value: wanted })),
        button('not', `Not with this ${label}`, () => this.#actions.wanted('not', { field: name, value: wanted })),
      );
    }
    if (TITLES.has(name) || wanted !== null) {
      const column = button('column', `${label} as a column`, () => this.#actions.column(name));
      column.setAttribute('aria-pressed', String(this.columns.some((one) => one.name === name)));
      description.append(column);
    }
    row.append(term, description);
    return row;
  }

  #toggleHex() {
    const { 'details-hex': toggle } = this.#elements;
    toggle.setAttribute('aria-pressed', String(toggle.ariaPressed !== 'true'));
    this.#showRaw(JSON.parse(this.line.data));
  }

  #showRaw(event) {
    const { 'details-raw': raw, 'details-hex': toggle } = this.#elements;
    if (toggle.ariaPressed === 'true') raw.textContent = dump(bytesOf(event));
    else fill(raw, segments(short(payloadOf(event)), true), null);
  }
}

/** JSON on several lines; on one, if it is nested too deep for that. */
function indented(value) {
  try {
    return JSON.stringify(value, null, 2) ?? '';
  } catch {
    return JSON.stringify(value);
  }
}

function short(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function button(text, label, act) {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = `small ${text}`;
  element.textContent = text;
  element.title = label;
  element.setAttribute('aria-label', label);
  element.addEventListener('click', act);
  return element;
}

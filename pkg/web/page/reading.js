/**
 * The line that the reader looks at: chosen with the mouse or the keys, shown in its details, copied, linked to.
 * @module
 */

import { hashOf } from './address.js';
import { copy } from './clipboard.js';
import { toggled } from './heading.js';
import { Details } from './details.js';
import { save } from './download.js';
import { payloadOf } from './record.js';
import { counted } from './text.js';

/** How long the page waits for the line of a link, in milliseconds. */
const PATIENCE = 5_000;

export class Reading {
  #app;
  #details;
  #linked = { id: '', until: 0 }; // the line that a link leads to and that has not come yet

  /** @param {object} app see app.js */
  constructor(app) {
    this.#app = app;
    this.#details = new Details(app.elements, app.clock, {
      wanted: (of, wanted) => app.settings.want(of, wanted),
      column: (name) => this.#toggleColumn(name),
      close: () => this.close(),
    });
    app.list.onClick = (row) => this.#open(row.record);
  }

  get actions() {
    const error = ({ kind, severity }) => kind === 'line' && severity <= 3;
    return {
      nextLine: () => this.#step(1, () => true),
      previousLine: () => this.#step(-1, () => true),
      nextError: () => this.#step(1, error),
      previousError: () => this.#step(-1, error),
      details: () => this.#open(this.#record),
      context: () => this.#withLine((line) => this.#around(line)),
      copyLine: () => this.#copy((line) => payloadOf(JSON.parse(line.data)), 'The line is copied.'),
      copyJSON: () => this.#copy((line) => line.data, 'The line is copied as JSON.'),
      copyLink: () => this.#copy((line) => this.#linkTo(line), 'A link to the line is copied.'),
      downloadLog: () => this.#save('log'),
      downloadJSON: () => this.#save('ndjson'),
      escape: () => this.#escape(),
    };
  }

  /** @param {import('./columns.js').Column[]} columns */
  setColumns(columns) {
    this.#details.setColumns(columns);
  }

  /**
   * Takes note of the line that the address leads to.
   * @param {string} id of its event, '' for none
   * @returns {boolean} whether the server has to be asked for it
   */
  needsMore(id) {
    if (id === this.#linked.id) return false;
    this.#linked = { id, until: performance.now() + PATIENCE };
    return id !== '' && !this.#find();
  }

  /** Looks for the line that a link leads to. */
  update() {
    const { id, until } = this.#linked;
    if (id === '' || until === 0 || this.#find() || performance.now() < until) return;
    this.#linked.until = 0;
    this.#app.say('The server no longer remembers the line of this link.');
  }

  /** Goes to a line that the search has found. The focus stays where it is, if it is not in the lines. */
  goTo(line) {
    const { focused } = this.#app.list;
    this.#app.feed.reveal(line, 'you searched');
    if (focused) this.#app.list.focus();
    if (this.open) this.#details.show(line);
  }

  /** Whether the details are shown. */
  get open() {
    return this.#details.line !== null;
  }

  /** Closes the details. */
  close() {
    if (this.#details.line === null) return;
    const { line } = this.#details;
    const { list } = this.#app;
    this.#details.hide();
    list.choose([line, line.head].find((record) => record && list.has(record)) ?? null);
  }

  get #record() {
    return this.#app.list.current?.record ?? null;
  }

  #find() {
    const { id, until } = this.#linked;
    if (until === 0) return true;
    const line = this.#app.feed.find((candidate) => candidate.id === id);
    if (line === undefined) return false;
    this.#linked.until = 0;
    this.#open(line, 'a link leads to this line');
    return true;
  }

  #step(by, condition) {
    const { feed, list } = this.#app;
    const record = list.neighbor(by, condition) ?? feed.beyond(by, condition);
    if (record === undefined) return;
    if (list.has(record)) feed.hold('you chose a line');
    else feed.reveal(record, 'you chose a line');
    list.choose(record);
    if (this.#details.line !== null && record.kind === 'line') this.#details.show(record);
  }

  /** Opens the details of a line: of one in the list, or with a reason of any that is shown. */
  #open(record, why = '') {
    if (record?.kind !== 'line') return;
    const { feed, list } = this.#app;
    if (why === '') feed.hold('you opened a line');
    else feed.reveal(record, why);
    this.#details.show(record);
    list.choose(why === '' ? record : list.current?.record ?? null);
  }

  /** Shows all lines, and stays at one. */
  #around(line) {
    this.#app.showAll(line.id);
    this.#open(line, 'you look around a line');
  }

  #escape() {
    if (this.#details.line !== null) this.close();
    else this.#app.span.clear();
  }

  #toggleColumn(name) {
    const columns = this.#details.columns;
    this.#app.set({ columns: toggled(columns, name, !columns.some((one) => one.name === name)) });
  }

  #linkTo(line) {
    return `${location.origin}${location.pathname}#${hashOf({ ...this.#app.filters, line: line.id })}`;
  }

  #withLine(act) {
    const line = this.#details.line ?? this.#record;
    if (line?.kind === 'line') act(line);
    else this.#app.say('No line is chosen: click one, or press j or k.');
  }

  #copy(textOf, done) {
    this.#withLine(async (line) => this.#app.say((await copy(textOf(line))) ? done : 'This browser does not let the page copy.'));
  }

  #save(kind) {
    const lines = this.#app.feed.shown.filter((record) => record.kind === 'line');
    save(lines, kind);
    this.#app.say(`${counted(lines.length, 'line')} saved.`);
  }
}

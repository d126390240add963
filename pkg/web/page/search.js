/**
 * The search in the lines in memory that are shown: how many it finds, and steps from one to the next.
 * @module
 */

import { count } from './text.js';

export class Search {
  #field;
  #output;
  #feed;
  #list;
  #listener;

  /**
   * @param {{field: HTMLInputElement, output: Element, next: Element, previous: Element}} elements
   * @param {import('./feed.js').Feed} feed
   * @param {import('./list.js').List} list
   * @param {{onInput: () => void, onFound: (line: import('./record.js').Line) => void}} listener onFound is called with
   *     the line that a step leads to
   */
  constructor({ field, output, next, previous }, feed, list, listener) {
    this.#field = field;
    this.#output = output;
    this.#feed = feed;
    this.#list = list;
    this.#listener = listener;
    field.addEventListener('input', () => this.#changed());
    field.addEventListener('keydown', (event) => this.#key(event));
    next.addEventListener('click', () => this.step(1));
    previous.addEventListener('click', () => this.step(-1));
  }

  /** Updates the number of matches. */
  update() {
    const text = this.#text();
    if (this.#output.textContent !== text) this.#output.textContent = text;
  }

  /**
   * Goes from the chosen line to the next or previous one that matches; if the end is followed, to the newest.
   * @param {1 | -1} by
   */
  step(by) {
    if (this.#field.value === '') return;
    const { found } = this.#feed;
    const at = this.#feed.following ? undefined : this.#list.current?.record.seq;
    let line = by > 0 ? found.find(({ seq }) => seq > at) : found.findLast(({ seq }) => seq < at);
    line ??= at === undefined || by < 0 ? found.at(-1) : found[0]; // around the end
    if (line !== undefined) this.#listener.onFound(line);
    this.update();
  }

  #text() {
    if (this.#field.value === '') return '';
    const { found } = this.#feed;
    const place = this.#feed.following ? 0 : found.indexOf(this.#list.current?.record) + 1;
    if (place > 0) return `${count(place)} of ${count(found.length)}`;
    return found.length === 1 ? '1 match' : `${count(found.length)} matches`;
  }

  #changed() {
    this.#listener.onInput();
    this.update();
  }

  #key(event) {
    if (event.key === 'Enter') {
      event.preventDefault();
      this.step(event.shiftKey ? -1 : 1);
    } else if (event.key === 'Escape') {
      this.#field.value = '';
      this.#changed();
      this.#list.focus();
    }
  }
}

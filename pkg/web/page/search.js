/**
 * The search in the shown lines: the count of the matches, and steps from match to match.
 * @module
 */

import { count } from './text.js';

export class Search {
  #field;
  #output;
  #list;
  #listener;
  #current = null;

  /**
   * @param {{field: HTMLInputElement, output: Element, next: Element, previous: Element}} elements
   * @param {import('./list.js').List} list
   * @param {{onInput: () => void, onStep: () => void}} listener onStep is called before the view goes to a match
   */
  constructor({ field, output, next, previous }, list, listener) {
    this.#field = field;
    this.#output = output;
    this.#list = list;
    this.#listener = listener;
    field.addEventListener('input', () => this.#changed());
    field.addEventListener('keydown', (event) => this.#key(event));
    next.addEventListener('click', () => this.step(1));
    previous.addEventListener('click', () => this.step(-1));
  }

  /** Updates the number of matches. */
  update() {
    if (this.#current && !this.#current.isConnected) this.#current = null;
    const text = this.#text();
    if (this.#output.textContent !== text) this.#output.textContent = text;
  }

  /**
   * Goes to the next or previous match; if there is no current one, to the newest.
   * @param {1 | -1} by
   */
  step(by) {
    const { marks } = this.#list;
    if (marks.length === 0) return;
    const at = Array.prototype.indexOf.call(marks, this.#current);
    const to = at < 0 ? marks.length - 1 : (at + by + marks.length) % marks.length;
    this.#current?.classList.remove('current');
    this.#current = marks[to];
    this.#current.classList.add('current');
    this.#listener.onStep();
    this.#current.scrollIntoView({ block: 'center', inline: 'nearest' });
    this.update();
  }

  #text() {
    if (this.#field.value === '') return '';
    const all = count(this.#list.matches);
    if (this.#current === null) return this.#list.matches === 1 ? '1 match' : `${all} matches`;
    return `${count(Array.prototype.indexOf.call(this.#list.marks, this.#current) + 1)} of ${all}`;
  }

  #changed() {
    this.#current = null;
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
    }
  }
}

/**
 * Applies what decides which lines are shown, and which are found.
 * @module
 */

import { alive, hung } from './expression.js';
import { NONE } from './severity.js';
import { View } from './view.js';

/** @typedef {import('./address.js').Filters} Filters */

export class Viewing {
  /** What is applied. */
  view;

  #elements;
  #feed;
  #list;
  #shown = JSON.stringify([NONE, [], [], '', false, false, null, []]); // what decides which lines are shown
  #expressions = ''; // those that are applied

  /**
   * @param {Record<string, HTMLElement>} elements of the page, by their ids
   * @param {import('./feed.js').Feed} feed
   * @param {import('./list.js').List} list
   * @param {View} view that feed has
   */
  constructor(elements, feed, list, view) {
    this.#elements = elements;
    this.#feed = feed;
    this.#list = list;
    this.view = view;
    for (const [target, event] of [[window, 'pagehide'], [document, 'visibilitychange']]) target.addEventListener(event, () => alive(''));
  }

  /**
   * Shows what passes. A fault in an expression leaves the lines as they are.
   * @param {Filters} filters
   * @param {{from: number, to: number} | null} span
   * @param {string[]} columns
   */
  show(filters, span, columns) {
    const { severity, is, not, exclude, hide, expression, search } = filters;
    const key = JSON.stringify([severity, is, not, exclude, hide && search, expression, span, columns]);
    const expressions = expression && (search || exclude) ? JSON.stringify([search, exclude]) : '';
    try {
      if (hung(expressions)) throw new Error('This expression has stopped the page: write a simpler one');
      this.#apply(new View(filters, span, columns), key !== this.#shown);
      this.#shown = key;
      this.#expressions = expressions;
      this.#complain('');
    } catch (fault) {
      this.#complain(`${fault.message}. The lines are still those of the expression before.`);
    }
  }

  /** Ends expressions that take too long, and lets the next page know which ones run in this one. */
  watch(filters, span, columns) {
    if (this.view.slow) {
      this.#apply(new View({ ...filters, search: '', exclude: '' }, span, columns), true);
      this.#shown = '';
      this.#expressions = '';
      this.#complain('An expression takes too long for these lines: there is no search, and nothing is excluded. Write a simpler one.');
    }
    alive(this.#expressions);
  }

  #apply(view, others) {
    if (String(view.pattern) !== String(this.view.pattern)) this.#list.mark(view.pattern);
    this.view = view;
    if (others) this.#feed.setView(view);
    else this.#feed.setSearch(view);
  }

  #complain(text) {
    const { search, exclude, 'pattern-error': error } = this.#elements;
    error.hidden = text === '';
    error.textContent = text;
    for (const field of [search, exclude]) field.setAttribute('aria-invalid', String(text !== ''));
  }
}

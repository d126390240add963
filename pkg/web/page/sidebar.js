/**
 * The list of topics, hosts or programs beside the lines, with their counts and rates.
 * @module
 */

import { count, counted, printable } from './text.js';

/** The most values in the list. */
const MOST = 100;

/** The time between two updates, in milliseconds. */
const PAUSE = 1000;

export class Sidebar {
  #elements;
  #facets;
  #histogram;
  #onWanted;
  #items = new Map(); // by value
  #filters = { is: [], not: [] };
  #updated = 0;

  /**
   * @param {{aside: HTMLElement, field: HTMLSelectElement, list: HTMLElement, rest: HTMLElement}} elements
   * @param {import('./facets.js').Facets} facets
   * @param {import('./histogram.js').Histogram} histogram has the server's clock
   * @param {(list: 'is' | 'not', wanted: import('./address.js').Wanted) => void} onWanted
   */
  constructor(elements, facets, histogram, onWanted) {
    this.#elements = elements;
    this.#facets = facets;
    this.#histogram = histogram;
    this.#onWanted = onWanted;
    elements.field.addEventListener('change', () => this.#restart());
    elements.list.addEventListener('click', (event) => this.#clicked(event));
  }

  get open() {
    return !this.#elements.aside.hidden;
  }

  set open(open) {
    this.#elements.aside.hidden = !open;
    this.update(true);
  }

  /** @param {{is: import('./address.js').Wanted[], not: import('./address.js').Wanted[]}} filters to show as pressed */
  setFilters({ is, not }) {
    if (JSON.stringify([is, not]) === JSON.stringify([this.#filters.is, this.#filters.not])) return;
    this.#filters = { is, not };
    this.update(true);
  }

  /** @param {boolean} [now] whether to update even if that was a moment ago */
  update(now = false) {
    if (!this.open || (!now && performance.now() - this.#updated < PAUSE)) return;
    this.#updated = performance.now();
    const { list, field, rest } = this.#elements;
    const { counts, others } = this.#facets.of(field.value, this.#histogram.now);
    const shown = counts.slice(0, MOST);
    for (const [value, item] of this.#items) {
      if (shown.some((candidate) => candidate.value === value)) continue;
      item.remove();
      this.#items.delete(value);
    }
    for (const one of shown) this.#show(one);
    if (!list.matches(':hover, :focus-within')) list.append(...shown.map(({ value }) => this.#items.get(value)));
    const more = counts.length - shown.length;
    const beyond = [more > 0 && `and ${count(more)} more`, others > 0 && `${counted(others, 'line')} of others`];
    rest.textContent = beyond.filter(Boolean).join(', ');
  }

  #show({ value, lines, rate }) {
    let item = this.#items.get(value);
    if (item === undefined) {
      item = itemOf(value);
      this.#items.set(value, item);
      this.#elements.list.append(item);
    }
    item.querySelector('.count').textContent = count(lines);
    item.querySelector('.per-second').textContent = rate === 0 ? '' : `${count(rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate))}/s`;
    for (const list of ['is', 'not']) {
      const pressed = this.#filters[list].some((wanted) => wanted.field === this.#elements.field.value && wanted.value === value);
      item.querySelector(`.${list}`).setAttribute('aria-pressed', String(pressed));
    }
  }

  #restart() {
    for (const item of this.#items.values()) item.remove();
    this.#items.clear();
    this.update(true);
  }

  #clicked(event) {
    const button = event.target.closest('button');
    if (button === null) return;
    const item = button.closest('li');
    const [value] = Array.from(this.#items).find(([, candidate]) => candidate === item);
    this.#onWanted(button.classList.contains('is') ? 'is' : 'not', { field: this.#elements.field.value, value });
  }
}

function itemOf(value) {
  const name = printable(value) || '(none)';
  const item = document.createElement('li');
  const only = buttonOf('is', name, `Only ${name}`);
  only.dir = 'auto';
  const [rate, lines] = ['per-second', 'count'].map((className) => {
    const element = document.createElement('span');
    element.className = className;
    return element;
  });
  item.append(only, ' ', rate, ' ', lines, ' ', buttonOf('not', 'not', `Not ${name}`));
  return item;
}

function buttonOf(className, text, title) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = className;
  button.textContent = text;
  button.title = title;
  if (text === 'not') button.setAttribute('aria-label', title);
  return button;
}

/**
 * The columns' names above the lines. A name can be dragged to another place, and its right edge to another width. The
 * dialog of columns does the same with the keyboard.
 * @module
 */

import { clamp, column, MOST, TITLES, titleOf } from './columns.js';
import { printable } from './text.js';

/** The least width of the text beside the columns, in characters. */
const LEAST = 32;

/** @typedef {import('./columns.js').Column} Column */

export class Heading {
  #log;
  #heading;
  #onColumns;
  #columns = [];
  #before = 0; // the width of all columns, in characters
  #drag = null; // {name, x, width}: of an edge; {name}: of a name

  /**
   * @param {HTMLElement} log the element that has the columns' widths
   * @param {HTMLElement} heading
   * @param {(columns: Column[]) => void} onColumns is called when the reader has changed them
   */
  constructor(log, heading, onColumns) {
    this.#log = log;
    this.#heading = heading;
    this.#onColumns = onColumns;
    heading.addEventListener('pointerdown', (event) => this.#begin(event));
    heading.addEventListener('pointermove', (event) => this.#move(event));
    heading.addEventListener('pointerup', (event) => this.#end(event));
  }

  /** @param {Column[]} columns */
  show(columns) {
    this.#columns = columns;
    this.#heading.replaceChildren();
    columns.forEach(({ name }, i) => {
      const element = document.createElement('span');
      element.className = `cell c${i}`;
      element.dataset.column = name;
      element.textContent = printable(titleOf(name));
      const edge = document.createElement('span');
      edge.className = 'edge';
      element.append(edge);
      this.#heading.append(element, ' ');
    });
    this.#heading.append('Text');
    this.#measure();
  }

  /** Gives the widths to the lines. */
  #measure() {
    let before = 0;
    this.#columns.forEach(({ width }, i) => {
      this.#log.style.setProperty(`--c${i}`, `${width}ch`);
      before += width + 1;
    });
    this.#log.style.setProperty('--columns', `${before}ch`);
    this.#before = before;
    this.fit();
  }

  /** Puts the text below the columns if they leave too little for it. */
  fit() {
    const stacked = this.#columns.length > 0 && this.#log.clientWidth < (this.#before + LEAST) * this.#letter();
    this.#log.classList.toggle('stacked', stacked);
  }

  #begin(event) {
    const name = event.target.closest('[data-column]')?.dataset.column;
    if (name === undefined || event.button !== 0) return;
    event.preventDefault();
    this.#heading.setPointerCapture(event.pointerId);
    const edge = event.target.classList.contains('edge');
    this.#drag = edge ? { name, x: event.clientX, width: this.#columns.find((one) => one.name === name).width } : { name };
  }

  #move(event) {
    if (this.#drag?.x === undefined) return;
    const width = clamp(this.#drag.width + (event.clientX - this.#drag.x) / this.#letter());
    this.#columns = this.#columns.map((one) => (one.name === this.#drag.name ? { ...one, width } : one));
    this.#measure();
  }

  #end(event) {
    const drag = this.#drag;
    this.#drag = null;
    if (drag === null) return;
    if (drag.x === undefined) {
      const onto = document.elementFromPoint(event.clientX, event.clientY)?.closest('[data-column]')?.dataset.column;
      if (onto === undefined || onto === drag.name) return;
      this.#columns = moved(this.#columns, drag.name, this.#columns.findIndex(({ name }) => name === onto));
    }
    this.#onColumns(this.#columns);
  }

  /** The width of a digit in the lines, in pixels: what CSS calls 1ch. */
  #letter() {
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context.font = getComputedStyle(this.#log).font;
    return context.measureText('0').width;
  }
}

/** The dialog of columns: which, in which order, how wide. */
export class ColumnsDialog {
  #list;
  #onColumns;
  #columns = [];

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} reset a button for the usual columns
   * @param {(columns: Column[] | null) => void} onColumns
   */
  constructor(list, reset, onColumns) {
    this.#list = list;
    this.#onColumns = onColumns;
    reset.addEventListener('click', () => onColumns(null));
    list.addEventListener('change', (event) => this.#changed(event.target));
    list.addEventListener('click', (event) => this.#clicked(event.target.closest('button')));
  }

  /** @param {Column[]} columns those that are shown */
  show(columns) {
    const before = document.activeElement?.id;
    this.#columns = columns;
    const rest = [...TITLES.keys()].filter((name) => !columns.some((one) => one.name === name)).map(column);
    this.#list.replaceChildren(...columns.map((one, i) => this.#item(one, i)), ...rest.map((one) => this.#item(one, -1)));
    if (before) document.getElementById(before)?.focus(); // the element of that id is another one now
  }

  #item({ name, width }, place) {
    const item = document.createElement('li');
    item.dataset.column = name;
    const title = printable(titleOf(name));
    const label = document.createElement('label');
    const box = input('checkbox', `show-${name}`);
    box.checked = place >= 0;
    label.append(box, ' ', title);
    item.append(label);
    if (place < 0) return item;
    const number = input('number', `width-${name}`);
    number.value = width;
    number.setAttribute('aria-label', `Width of ${title}`);
    item.append(number, mover(name, title, 'left', place === 0), mover(name, title, 'right', place === this.#columns.length - 1));
    return item;
  }

  #changed({ type, checked, value, parentElement }) {
    const { column: name } = parentElement.closest('li').dataset;
    if (type === 'number') {
      this.#onColumns(this.#columns.map((one) => (one.name === name ? { name, width: clamp(Number(value) || 0) } : one)));
    } else {
      this.#onColumns(toggled(this.#columns, name, checked));
    }
  }

  #clicked(button) {
    if (button === null) return;
    const { column: name } = button.closest('li').dataset;
    const at = this.#columns.findIndex((one) => one.name === name);
    this.#onColumns(moved(this.#columns, name, at + (button.classList.contains('left') ? -1 : 1)));
  }
}

/**
 * @param {Column[]} columns
 * @param {string} name
 * @param {boolean} shown
 */
export function toggled(columns, name, shown) {
  const others = columns.filter((one) => one.name !== name);
  return shown && others.length < MOST ? [...others, column(name)] : others;
}

function moved(columns, name, to) {
  const others = columns.filter((one) => one.name !== name);
  others.splice(to, 0, columns.find((one) => one.name === name));
  return others;
}

function input(type, id) {
  const element = document.createElement('input');
  element.type = type;
  element.id = id;
  return element;
}

function mover(name, title, direction, disabled) {
  const button = document.createElement('button');
  button.type = 'button';
  button.id = `${direction}-${name}`;
  button.className = `small ${direction}`;
  button.disabled = disabled;
  button.textContent = direction === 'left' ? '←' : '→';
  button.setAttribute('aria-label', `${title} to the ${direction}`);
  return button;
}

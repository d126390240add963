/**
 * What hides lines, each with a button that ends it.
 * @module
 */

import { titleOf } from './columns.js';
import { printable } from './text.js';

/** @typedef {{text: string, end: () => void}} Chip */

/**
 * @param {import('./address.js').Filters} filters
 * @param {(changes: Partial<import('./address.js').Filters>) => void} change
 * @returns {Chip[]}
 */
export function chipsOf(filters, change) {
  const of = (list, words) =>
    filters[list].map((wanted) => ({
      text: `${words} ${titleOf(wanted.field).toLowerCase()} ${printable(wanted.value) || '(none)'}`,
      end: () => change({ [list]: filters[list].filter((other) => other !== wanted) }),
    }));
  return [...of('is', 'only'), ...of('not', 'not')];
}

/**
 * @param {Element} element
 * @param {Chip[]} chips
 * @param {HTMLElement} elsewhere gets the focus if it was at a chip and none is left
 */
export function showChips(element, chips, elsewhere) {
  const focused = Array.from(element.children).indexOf(document.activeElement);
  element.hidden = chips.length === 0;
  element.replaceChildren(
    ...chips.map(({ text, end }) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'chip';
      button.textContent = `${text} ×`;
      button.setAttribute('aria-label', `End: ${text}`);
      button.addEventListener('click', end);
      return button;
    }),
  );
  if (focused >= 0) (element.children[focused] ?? element.lastElementChild ?? elsewhere).focus();
}

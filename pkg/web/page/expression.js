/**
 * A regular expression that a reader has typed, for texts that a stranger has sent. For some texts, some expressions
 * take as good as for ever, and nothing can end that. The page therefore gives up what becomes slow, and a page that is
 * loaded after one that has stopped does not run the same expression again.
 * @module
 */

/** How much of a text is looked at, in UTF-16 units: what takes the square of it, still ends soon. */
const LONGEST = 8 * 1024;

/** What takes longer for one text is slow; what has lost so much with slow ones is given up. In milliseconds. */
const SLOW = 20;
const PATIENCE = 1000;

export class Expression extends RegExp {
  #lost = 0;

  /** Whether it was given up. It then matches nothing. */
  get slow() {
    return this.#lost > PATIENCE;
  }

  /** @param {string} text */
  exec(text) {
    if (this.slow) return null;
    const began = performance.now();
    const match = super.exec(text.length > LONGEST ? text.slice(0, LONGEST) : text);
    const took = performance.now() - began;
    if (took > SLOW) this.#lost += took;
    return match;
  }
}

/** What the tab's page runs, for the one that is loaded after it, and how old it may be, in milliseconds. */
const KEY = 'zmqtap.expression';
const FRESH = 5000;

/**
 * Writes down that the page is alive with its expressions; hidden, its timers are slow, and it says nothing.
 * @param {string} expressions '' for none
 */
export function alive(expressions) {
  if (expressions === '' || document.visibilityState === 'hidden') sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify([expressions, Date.now()]));
}

/**
 * Reports whether the page before has stopped, without an end, while it ran the same expressions.
 * @param {string} expressions
 */
export function hung(expressions) {
  const [before, at] = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
  return before === expressions && Date.now() - at > FRESH;
}

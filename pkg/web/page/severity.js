/**
 * The severities of syslog. The server finds a message's own: see docs/tap.md.
 * @module
 */

/** By number, as links and the select name them. */
export const NAMES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];

/** Their short names, as shown in the lines. */
export const LABELS = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];

/** The severity of a message that has none. It is below every minimum. */
export const NONE = 8;

/**
 * @param {string} name any of its names, or its number
 * @returns {number} 0 to 7, or NONE if it is none of these
 */
export function severityNamed(name) {
  const number = [NAMES, LABELS, Array.from(NUMBERS.keys()), [...NAMES.keys()].map(String)].map((names) => names.indexOf(name)).find((n) => n >= 0);
  return number ?? NONE;
}

const NUMBERS = new Map(['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'].map((name, n) => [name, n]));

/**
 * @param {unknown} name as the server writes it: rsyslog's
 * @returns {number} 0 (emergency) to 7 (debug), or NONE
 */
export function severityOf(name) {
  return NUMBERS.get(name) ?? NONE;
}

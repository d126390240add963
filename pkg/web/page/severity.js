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

const NUMBERS = new Map(['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'].map((name, n) => [name, n]));

/**
 * @param {unknown} name as the server writes it: rsyslog's
 * @returns {number} 0 (emergency) to 7 (debug), or NONE
 */
export function severityOf(name) {
  return NUMBERS.get(name) ?? NONE;
}

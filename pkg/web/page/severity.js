/**
 * The severity of a message: from a leading <PRI> (RFC 5424, 6.2.1), or from a key of a JSON object.
 * @module
 */

/** The severities of syslog by number, as links and the select name them. */
export const NAMES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];

/** Their short names, as shown in the lines. */
export const LABELS = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];

/** The severity of a message that has none. It is below every minimum. */
export const NONE = 8;

/** The longest JSON that is parsed, in UTF-16 units. */
const LONGEST_JSON = 64 * 1024;

const pri = /^<(0|[1-9][0-9]{0,2})>/;
const json = /^(?:@cee:)?\s*\{/;

/** The keys that may hold a severity. The first one with a known value wins. */
const KEYS = [
  'severity', 'level', 'PRIORITY', 'priority', 'syslogseverity', 'syslogseverity-text', 'severity_text', 'severityText',
  'loglevel', 'log_level', 'log.level', 'levelname', 'lvl', '@level',
];

const WORDS = new Map(
  Object.entries({
    0: 'emerg emergency panic',
    1: 'alert',
    2: 'crit critical fatal',
    3: 'err error severe',
    4: 'warn warning',
    5: 'notice',
    6: 'info informational information',
    7: 'debug trace verbose',
  }).flatMap(([number, words]) => words.split(' ').map((word) => [word, Number(number)])),
);

/** The numeric levels of pino and bunyan. */
const TENS = new Map([[10, 7], [20, 7], [30, 6], [40, 4], [50, 3], [60, 2]]);

/**
 * @param {string} message
 * @returns {number} 0 (emergency) to 7 (debug), or NONE
 */
export function severityOf(message) {
  const match = pri.exec(message);
  if (match) return Number(match[1]) <= 191 ? Number(match[1]) & 7 : NONE;
  if (message.length > LONGEST_JSON || !json.test(message)) return NONE;
  try {
    return ofObject(JSON.parse(message.slice(message.indexOf('{'))));
  } catch {
    return NONE; // not JSON after all
  }
}

function ofObject(object) {
  for (const key of KEYS) {
    if (!Object.hasOwn(object, key)) continue;
    const severity = ofValue(object[key]);
    if (severity !== NONE) return severity;
  }
  return ofValue(object.log?.level); // Elastic Common Schema, nested
}

function ofValue(value) {
  if (typeof value === 'string' && /^[0-9]{1,2}$/.test(value)) value = Number(value);
  if (typeof value === 'string') return WORDS.get(value.trim().toLowerCase()) ?? NONE;
  if (!Number.isInteger(value) || value < 0) return NONE;
  return value <= 7 ? value : (TENS.get(value) ?? NONE);
}

/**
 * The severity that a message states: in a leading <PRI> (RFC 5424, 6.2.1), or in a key of a JSON object. The terminal
 * finds the same in Go: `go doc ./pkg/severity` has the rules, and the tests of both read testdata/severities.json.
 * @module
 */

/** The severities of syslog by number, as links and the select name them. */
export const NAMES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];

/** Their short names, as shown in the lines. */
export const LABELS = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];

/** The severity of a message that has none. It is below every minimum. */
export const NONE = 8;

/** How much of a message is looked at, in bytes of UTF-8. */
const MOST_BYTES = 4096;

/** Parts of JSON (RFC 8259), each read at a place. */
const space = /[ \t\n\r]*/y;
const string = /"(?:[^"\\\x00-\x1f]|\\[^])*"/y;
const word = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

const MALFORMED = -1;

/** The keys that may state a severity, in rows of which the first one counts most, and how their values are read. */
const KEYS = new Map([
  ...row(0, byName, 'severity severity_text severitytext severity_label'),
  ...row(1, byName, 'level_name levelname loglevel log_level log.level @level @l lvl'),
  ...row(1, (value) => ofObject(value, NESTED), 'log'),
  ...row(2, byLevel, 'level'),
  ...row(2, byPython, 'levelno'),
  ...row(3, byName, 'priority syslogseverity syslogseverity-text syslogpriority syslogpriority-text'),
  ...row(4, byFacility, 'pri-text'),
  ...row(4, byPRI, 'pri'),
]);

/** The key of an object of the name log: Elastic Common Schema, nested. */
const NESTED = new Map(row(0, byName, 'level'));

const NUMBERS = new Map([
  [600, 0], [550, 1], [60, 2], [500, 2], [50, 3], [400, 3], [40, 4], [300, 4], [250, 5], [30, 6], [200, 6], [10, 7], [20, 7], [100, 7],
]);

const PYTHON = new Map([[50, 2], [40, 3], [30, 4], [20, 6], [10, 7]]);

const WORDS = new Map(
  Object.entries({
    0: 'emerg emergency panic',
    1: 'alert',
    2: 'crit critical fatal dpanic',
    3: 'err error severe',
    4: 'warn warning',
    5: 'notice',
    6: 'info informational information',
    7: 'debug trace verbose',
  }).flatMap(([number, words]) => words.split(' ').map((word) => [word, Number(number)])),
);

function row(rank, read, keys) {
  return keys.split(' ').map((key) => [key, { rank, read }]);
}

/**
 * @param {string} message a byte that is not UTF-8 is a lone surrogate: see textOfBase64
 * @returns {number} 0 (emergency) to 7 (debug), or NONE
 */
export function severityOf(message) {
  if (message.startsWith('\ufeff')) message = message.slice(1);
  const pri = /^<([0-9]{1,3})>/.exec(message);
  if (pri) return byPRI(pri[1]);
  const text = beginning(message);
  const start = /^[ \t\n\r]*(?:@cee:[ \t\n\r]*)?(?=\{)/.exec(text);
  return start ? ofObject(text.slice(start[0].length), KEYS) : NONE;
}

/** Returns what is looked at of a message. */
function beginning(message) {
  if (message.length * 3 <= MOST_BYTES) return message;
  let bytes = 0;
  let end = 0;
  for (const character of message) {
    const code = character.codePointAt(0);
    bytes += code < 0x80 || (code >= 0xdc80 && code <= 0xdcff) ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > MOST_BYTES) break;
    end += character.length;
  }
  return message.slice(0, end);
}

/**
 * Goes through the keys of the object that a JSON text begins with, for the one that counts most. Of a text that is
 * cut off or malformed, the keys before that place count. JSON.parse would read none of these.
 */
function ofObject(text, keys) {
  let best = { rank: Infinity, severity: NONE };
  if (text[0] !== '{') return NONE;
  for (let i = spaceEnd(text, 1); i < text.length && best.rank > 0; ) {
    const member = memberAt(text, i);
    if (member === null) break;
    const known = keys.get(lower(member.key));
    if (known && known.rank < best.rank) {
      const severity = known.read(member.value);
      if (severity !== NONE) best = { rank: known.rank, severity };
    }
    i = member.next;
  }
  return best.severity;
}

/** Returns the member of an object that begins at i, and where the next one does, or null. */
function memberAt(text, i) {
  const end = stringEnd(text, i);
  const colon = end === MALFORMED ? MALFORMED : spaceEnd(text, end);
  if (colon === MALFORMED || text[colon] !== ':') return null;
  const from = spaceEnd(text, colon + 1);
  const to = valueEnd(text, from);
  if (to === MALFORMED) return null;
  const after = spaceEnd(text, to);
  if (text[after] !== ',' && text[after] !== '}') return null;
  return {
    key: text.slice(i + 1, end - 1),
    value: text.slice(from, to),
    next: text[after] === '}' ? text.length : spaceEnd(text, after + 1),
  };
}

/** Returns where what the pattern describes ends if it is at i, or MALFORMED. */
function endOf(pattern, text, i) {
  pattern.lastIndex = i;
  return pattern.test(text) ? pattern.lastIndex : MALFORMED;
}

function spaceEnd(text, i) {
  return endOf(space, text, i);
}

function stringEnd(text, i) {
  return endOf(string, text, i);
}

function valueEnd(text, i) {
  if (text[i] === '"') return stringEnd(text, i);
  if (text[i] === '{' || text[i] === '[') return nestedEnd(text, i);
  return endOf(word, text, i);
}

/** Skips an object or array: counts brackets, and checks nothing in it but strings. */
function nestedEnd(text, i) {
  for (let depth = 0; i < text.length; ) {
    if (text[i] === '"') {
      i = stringEnd(text, i);
      if (i === MALFORMED) return MALFORMED;
      continue;
    }
    if (text[i] === '{' || text[i] === '[') depth++;
    else if (text[i] === '}' || text[i] === ']') depth--;
    i++;
    if (depth === 0) return i;
  }
  return MALFORMED;
}

/** Returns the text of a value, as it is in JSON, without quotes and the spaces around it. */
function plain(value) {
  return value[0] === '"' ? value.slice(1, -1).replace(/^[ \t]+|[ \t]+$/g, '') : value;
}

/** Reads one to three digits. */
function numberOf(text) {
  return /^[0-9]{1,3}$/.test(text) ? Number(text) : NaN;
}

function byName(value) {
  const text = plain(value);
  const number = numberOf(text);
  if (Number.isNaN(number)) return ofWord(text);
  return number <= 7 ? number : NONE;
}

function byLevel(value) {
  return NUMBERS.get(numberOf(plain(value))) ?? byName(value);
}

function byPython(value) {
  const text = plain(value);
  const number = numberOf(text);
  return Number.isNaN(number) ? ofWord(text) : (PYTHON.get(number) ?? NONE);
}

function byPRI(value) {
  const text = plain(value);
  const number = numberOf(text);
  if (Number.isNaN(number)) return ofWord(text);
  return number <= 191 ? number & 7 : NONE;
}

function byFacility(value) {
  const text = plain(value);
  return Number.isNaN(numberOf(text)) ? ofWord(text.slice(text.lastIndexOf('.') + 1).split('<', 1)[0]) : NONE;
}

/** Reads a name, and ignores the offset that Go's slog may add: WARN+1. */
function ofWord(text) {
  return WORDS.get(lower(text.replace(/^([^+-]+)[+-][0-9]+$/, '$1'))) ?? NONE;
}

/** Folds ASCII alone. */
function lower(text) {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

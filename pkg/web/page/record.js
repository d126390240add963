/**
 * Turns the stream's events into the records that the list shows.
 * @module
 */

import { fieldsOf } from './columns.js';
import { severityOf } from './severity.js';
import { counted, textOfBase64 } from './text.js';

/**
 * @typedef {object} Line
 * @property {'line'} kind
 * @property {number} seq its number in this page, given by Memory
 * @property {string} id the event's, '' if there is none
 * @property {string | null} topic null if the message has none
 * @property {string} host, like program, pid and facility, '' if the message does not say
 * @property {string} program
 * @property {string} pid
 * @property {string} facility
 * @property {number} severity
 * @property {string} text what is left for people
 * @property {string} extra what its JSON object has besides, as key=value
 * @property {string[]} frames those between topic and message
 * @property {number} time the message's own, else that of its receipt, in milliseconds since 1970; NaN if unknown
 * @property {number} received in milliseconds since 1970, NaN if it is not a time
 * @property {Line | null} head the line that this one continues: see Traces
 * @property {import('./view.js').View | null} judge the view that was asked last whether it shows the line
 * @property {boolean} passes its answer
 * @property {import('./view.js').View | null} seeker the view that was asked last whether its search finds the line
 * @property {boolean} found its answer
 * @property {string} data the event's JSON; everything else is in it
 * @property {number} size in UTF-16 units, roughly
 */

/**
 * @typedef {object} Note a remark about the stream, in its place among the lines
 * @property {'missed' | 'gap' | 'end' | 'skipped'} kind
 * @property {number} seq half a number for one that is made in this page, before the record that it stands before
 * @property {number} [lines] how many are not shown, of kind skipped
 * @property {string} text
 * @property {number} size
 */

/** @typedef {Line | Note} Record */

/** The most of an object that is shown in a line, in UTF-16 units. */
const LONGEST_EXTRA = 2000;

/** Fields that are columns, whatever their names are in a logger: not shown again. */
const known =
  /^fields\.(?:(?:@|syslog|log[._]?)?(?:time|timestamp|ts|t|date|datetime|level|levelname|level_name|levelno|severity|severity_text|lvl|l|priority|facility|host|hostname|program|programname|app|appname|app-name|pid|procid)|timereported|timegenerated|__realtime_timestamp)$/i;

/** What a record takes in memory besides its texts, in UTF-16 units. */
const COST = 200;

/**
 * @param {string} data a message event's
 * @param {string} [id] the event's
 * @returns {Line}
 * @throws if it does not have the form that the server promises
 */
export function lineOf(data, id = '') {
  const event = JSON.parse(data);
  const message = pick(event, 'message');
  if (message === null) throw new TypeError('an event without a message');
  const object = typeof event.fields === 'object' && event.fields !== null;
  const said = string(event.text) || message;
  const text = object && said.startsWith('{') ? '' : said;
  const received = Date.parse(string(event.received));
  const own = Date.parse(string(event.time));
  return {
    kind: 'line',
    seq: 0,
    id,
    topic: pick(event, 'topic'),
    host: string(event.host),
    program: string(event.program),
    pid: string(event.pid),
    facility: string(event.facility),
    severity: severityOf(event.severity),
    text,
    extra: object ? extraOf(event, text) : '',
    frames: framesOf(event),
    time: Number.isNaN(own) ? received : own,
    received,
    head: null,
    judge: null,
    passes: false,
    seeker: null,
    found: false,
    data,
    size: data.length + text.length + COST,
  };
}

/**
 * @param {object} event a message event's data
 * @returns {string} the payload; a byte that is not UTF-8 is a lone surrogate: see textOfBase64
 */
export function payloadOf(event) {
  return pick(event, 'message') ?? '';
}

function extraOf(event, text) {
  const parts = [];
  let length = 0;
  for (const { name, value } of fieldsOf({ fields: event.fields })) {
    if (known.test(name) || value === text) continue;
    const part = `${name.slice('fields.'.length)}=${/^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`;
    if ((length += part.length) > LONGEST_EXTRA) return [...parts, '…'].join(' ');
    parts.push(part);
  }
  return parts.join(' ');
}

function string(value) {
  return typeof value === 'string' ? value : '';
}

function pick(event, key) {
  if (typeof event[key] === 'string') return event[key];
  const encoded = event[`${key}_base64`];
  return typeof encoded === 'string' ? textOfBase64(encoded) : null;
}

function framesOf(event) {
  const strings = (list) => (Array.isArray(list) ? list.filter((frame) => typeof frame === 'string') : []);
  return [...strings(event.frames), ...strings(event.frames_base64).map(textOfBase64)];
}

/**
 * @param {string} data a missed event's
 * @returns {{note: Note, count: number, total: number}} total: the number of all messages that this reader has missed
 * @throws if it does not have the form that the server promises
 */
export function missedOf(data) {
  const { count, total } = JSON.parse(data);
  if (!isCount(count) || !isCount(total)) throw new TypeError('a missed event without its counts');
  return { note: note('missed', `${counted(count, 'message')} lost: this reader was too slow, or away for too long`), count, total };
}

/**
 * @param {string} data a gap event's
 * @returns {{note: Note, count: number | null}} count: null if it is not known
 * @throws if it does not have the form that the server promises
 */
export function gapOf(data) {
  const { publisher, count, reason } = JSON.parse(data);
  const from = typeof publisher === 'string' ? `${publisher}: ` : '';
  const lost = isCount(count) ? `${counted(count, 'message')} lost` : 'messages may be lost';
  const why = typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
  return { note: note('gap', from + lost + why), count: isCount(count) ? count : null };
}

/**
 * @param {string} data an end event's
 * @returns {Note}
 * @throws if it does not have the form that the server promises
 */
export function endOf(data) {
  const { reason } = JSON.parse(data);
  if (typeof reason !== 'string') throw new TypeError('an end without a reason');
  return note('end', reason);
}

/**
 * @param {number} lines how many are not shown
 * @param {number} seq that of the record after it
 * @returns {Note}
 */
export function skippedNote(lines, seq) {
  return { ...note('skipped', `${counted(lines, 'line')} not shown: too many came meanwhile to hold them all`), lines, seq: seq - 0.5 };
}

/**
 * @param {number} seq that of the record after it
 * @returns {Note}
 */
export function forgottenNote(seq) {
  return { ...note('skipped', 'Lines may be missing here: they have been forgotten'), lines: 1, seq: seq - 0.5 };
}

function note(kind, text) {
  return { kind, seq: 0, text, judge: null, passes: false, seeker: null, found: false, size: text.length + COST };
}

function isCount(value) {
  return Number.isSafeInteger(value) && value >= 0;
}

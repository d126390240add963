/**
 * Turns the stream's events into the records that the list shows.
 * @module
 */

import { severityOf } from './severity.js';
import { counted, textOfBase64 } from './text.js';

/**
 * @typedef {object} Line
 * @property {'line'} kind
 * @property {string | null} topic null if the message has none
 * @property {string[]} frames those between topic and message
 * @property {string} message
 * @property {string} received as the server wrote it
 * @property {number} time received in milliseconds since 1970, NaN if it is not a time
 * @property {number} severity
 * @property {number} size in UTF-16 units
 */

/**
 * @typedef {object} Note a remark about the stream, in its place among the lines
 * @property {'missed' | 'gap' | 'end' | 'skipped'} kind
 * @property {string} text
 * @property {number} size
 */

/** @typedef {Line | Note} Record */

/**
 * @param {string} data a message event's
 * @returns {Line}
 * @throws if it does not have the form that the server promises
 */
export function lineOf(data) {
  const event = JSON.parse(data);
  const message = pick(event, 'message');
  if (message === null) throw new TypeError('an event without a message');
  const topic = pick(event, 'topic');
  const received = typeof event.received === 'string' ? event.received : '';
  return {
    kind: 'line',
    topic,
    frames: framesOf(event),
    message,
    received,
    time: Date.parse(received),
    severity: severityOf(message),
    size: data.length,
  };
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
 * @returns {{note: Note, total: number}} total: the number of all messages that this reader has missed
 * @throws if it does not have the form that the server promises
 */
export function missedOf(data) {
  const { count, total } = JSON.parse(data);
  if (!isCount(count) || !isCount(total)) throw new TypeError('a missed event without its counts');
  return { note: note('missed', `${counted(count, 'message')} lost: this reader was too slow, or away for too long`), total };
}

/**
 * @param {string} data a gap event's
 * @returns {Note}
 * @throws if it does not have the form that the server promises
 */
export function gapOf(data) {
  const { publisher, count, reason } = JSON.parse(data);
  const from = typeof publisher === 'string' ? `${publisher}: ` : '';
  const lost = isCount(count) ? `${counted(count, 'message')} lost` : 'messages may be lost';
  const why = typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
  return note('gap', from + lost + why);
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
 * @param {string} why
 * @returns {Note}
 */
export function skippedNote(lines, why) {
  return note('skipped', `${counted(lines, 'line')} not shown: ${why}`);
}

function note(kind, text) {
  return { kind, text, size: text.length };
}

function isCount(value) {
  return Number.isSafeInteger(value) && value >= 0;
}

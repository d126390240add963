/**
 * The columns before a line's text: which there are, in which order, and how wide.
 * @module
 */

import { LABELS } from './severity.js';

/** A column's narrowest and widest width, in characters. */
export const NARROWEST = 3;
export const WIDEST = 80;

/** The most columns, for which style.css has widths. */
export const MOST = 12;

/** The most leaves of a JSON object that are fields, and how deep they are looked for. */
const MOST_LEAVES = 200;
const DEEPEST = 8;

/** What is below a name that is longer, in UTF-16 units, has no fields: all of them would have the name. */
const LONGEST_NAME = 1000;

/**
 * @typedef {object} Column
 * @property {string} name one of TITLES, or a field that fieldsOf names
 * @property {number} width in characters
 */

/** What each column is called, and its usual width. */
export const TITLES = new Map([
  ['time', ['Time', 12]],
  ['received', ['Received', 12]],
  ['severity', ['Level', 6]],
  ['host', ['Host', 10]],
  ['program', ['Program', 18]],
  ['pid', ['PID', 7]],
  ['facility', ['Facility', 9]],
  ['topic', ['Topic', 25]],
]);

/** @param {string} name */
export function titleOf(name) {
  return TITLES.get(name)?.[0] ?? name.replace(/^(?:fields|structured)\./, '');
}

/** @param {string} name */
export function column(name) {
  return { name, width: TITLES.get(name)?.[1] ?? 14 };
}

/**
 * The usual columns: those that the lines have something in. Topics stand in the place of programs where none are.
 * @param {{host: boolean, program: boolean, topic: boolean}} seen whether there are lines with a host, with a program,
 *     and with a topic and no program
 * @returns {Column[]}
 */
export function usual({ host, program, topic }) {
  return ['time', 'severity', host && 'host', program ? 'program' : topic && 'topic'].filter(Boolean).map(column);
}

/**
 * @param {string} text such as time,host:20,fields.status:6
 * @returns {Column[] | null} null if there is none
 */
export function columnsOf(text) {
  if (text === '') return null;
  const columns = new Map();
  for (const part of text === 'none' ? [] : text.split(',')) {
    const [name, width] = part.split(':').map(decode);
    if (!TITLES.has(name) && !/^(?:fields|structured)\./.test(name)) continue;
    const usualWidth = column(name).width;
    columns.set(name, { name, width: /^\d{1,3}$/.test(width) ? clamp(Number(width)) : usualWidth });
  }
  return [...columns.values()].slice(0, MOST);
}

/**
 * @param {Column[]} columns
 * @returns {string} what columnsOf reads
 */
export function namesOf(columns) {
  if (columns.length === 0) return 'none';
  return columns
    .map(({ name, width }) => encodeURIComponent(name.toWellFormed()) + (width === column(name).width ? '' : `:${width}`))
    .join(',');
}

/** @param {number} width */
export function clamp(width) {
  return Math.min(Math.max(Math.round(width), NARROWEST), WIDEST);
}

/**
 * Returns what a column shows of a line. A line without a program has its topic there, which says where it comes from,
 * unless topics have a column.
 * @param {import('./record.js').Line} line
 * @param {string} name of the column, but not of one that shows a time
 * @param {boolean} topics whether they have a column
 * @returns {string}
 */
export function shownOf(line, name, topics) {
  return valueOf(line, name === 'program' && line.program === '' && !topics ? 'topic' : name);
}

/**
 * @param {import('./record.js').Line} line
 * @param {string} name of a column, but not of one that shows a time
 * @returns {string}
 */
export function valueOf(line, name) {
  switch (name) {
    case 'severity':
      return LABELS[line.severity] ?? '';
    case 'program':
      return line.pid === '' ? line.program : `${line.program}[${line.pid}]`;
    case 'topic':
      return line.topic ?? '';
    case 'host':
    case 'pid':
    case 'facility':
      return line[name];
    default:
      return fieldsOf(JSON.parse(line.data)).find((field) => field.name === name)?.value ?? '';
  }
}

/**
 * The leaves of an event's structured data and JSON object.
 * @param {object} event
 * @returns {{name: string, value: string}[]} names such as fields.http.status
 */
export function fieldsOf({ structured, fields }) {
  const leaves = [];
  const walk = (name, value, depth) => {
    if (leaves.length >= MOST_LEAVES) return;
    const parent = value !== null && typeof value === 'object' && !Array.isArray(value);
    if (parent && depth < DEEPEST && name.length <= LONGEST_NAME) {
      for (const [key, inner] of Object.entries(value)) walk(`${name}.${key}`, inner, depth + 1);
    } else if (depth > 0) {
      leaves.push({ name, value: typeof value === 'string' ? value : JSON.stringify(value) });
    }
  };
  walk('structured', structured ?? null, 0);
  walk('fields', fields ?? null, 0);
  return leaves;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/**
 * The view's filters in the page's address, after the #: a link shares the view, and the filters stay out of the
 * server's log.
 * @module
 */

import { NAMES, NONE } from './severity.js';

/** How many remembered messages a new view asks the server for. */
const LAST = 200;

/**
 * @typedef {object} Filters
 * @property {string[]} topics prefixes; none means every message
 * @property {string} grep a regular expression in RE2's syntax, '' for none
 * @property {number} severity the least severe level that is shown, NONE for all lines
 * @property {boolean} wrap whether long lines are wrapped
 */

/**
 * @param {string} hash location.hash
 * @returns {Filters}
 */
export function filtersOf(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const severity = NAMES.indexOf(fields.get('severity'));
  return {
    topics: fields.getAll('topic').filter((topic) => topic !== ''),
    grep: fields.get('grep') ?? '',
    severity: severity < 0 ? NONE : severity,
    wrap: fields.get('wrap') !== 'off',
  };
}

/**
 * @param {Filters} filters
 * @returns {string} what filtersOf reads
 */
export function hashOf(filters) {
  const fields = requestFields(filters);
  if (filters.severity !== NONE) fields.append('severity', NAMES[filters.severity]);
  if (!filters.wrap) fields.append('wrap', 'off');
  return fields.toString();
}

/**
 * Returns the address of the stream, relative to the page.
 * @param {Filters} filters
 * @param {boolean} resumed whether the request has a Last-Event-ID, where the server then continues
 */
export function streamAddress(filters, resumed) {
  const fields = requestFields(filters);
  if (!resumed) fields.append('last', LAST);
  const query = fields.toString();
  return query === '' ? 'stream' : `stream?${query}`;
}

/**
 * Reports whether two views need the same stream.
 * @param {Filters} a
 * @param {Filters} b
 */
export function sameStream(a, b) {
  return requestFields(a).toString() === requestFields(b).toString();
}

/**
 * @param {string} text the topic field's
 * @returns {string[]}
 */
export function topicsOf(text) {
  return text.split(/\s+/).filter((topic) => topic !== '');
}

function requestFields(filters) {
  const fields = new URLSearchParams(filters.topics.map((topic) => ['topic', topic]));
  if (filters.grep !== '') fields.append('grep', filters.grep);
  return fields;
}

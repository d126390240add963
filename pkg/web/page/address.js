/**
 * What the view shows, in the page's address after the #: a link shares the view, and nothing of it is in the server's
 * log but what the server needs.
 * @module
 */

import { columnsOf, namesOf } from './columns.js';
import { NAMES, severityNamed } from './severity.js';

/** How many remembered messages a new view asks the server for; as many as it has if it looks for one line. */
const LAST = 200;
const LAST_FOR_LINE = 20_000;

/**
 * @typedef {object} Wanted a field, and the value that a line has in it
 * @property {string} field topic, host, program, pid, facility, or one that fieldsOf names
 * @property {string} value
 */

/**
 * @typedef {object} Filters
 * @property {string[]} topics prefixes; none means every message
 * @property {string} grep a regular expression in RE2's syntax, '' for none
 * @property {number} severity the least severe level that is shown, NONE for all lines
 * @property {Wanted[]} is only these; of one field, any of them
 * @property {Wanted[]} not none of these
 * @property {string} exclude what lines must not contain, '' for nothing
 * @property {string} search what is looked for in the lines
 * @property {boolean} hide whether lines are hidden that the search does not find
 * @property {boolean} expression whether exclude and search are regular expressions
 * @property {boolean} wrap whether long lines are wrapped
 * @property {boolean} group whether the lines of a stack trace are folded
 * @property {boolean} utc whether times are in UTC
 * @property {import('./columns.js').Column[] | null} columns null for the usual ones
 * @property {string} line the ID of the event that a link leads to, '' for none
 */

/**
 * @param {string} hash location.hash
 * @returns {Filters}
 */
export function filtersOf(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  return {
    topics: fields.getAll('topic').filter((topic) => topic !== ''),
    grep: fields.get('grep') ?? '',
    severity: severityNamed(fields.get('severity') ?? ''),
    is: wanted(fields.getAll('is')),
    not: wanted(fields.getAll('not')),
    exclude: fields.get('exclude') ?? '',
    search: fields.get('search') ?? '',
    hide: fields.get('hide') === 'on',
    expression: fields.get('re') === 'on',
    wrap: fields.get('wrap') !== 'off',
    group: fields.get('group') !== 'off',
    utc: fields.get('time') === 'utc',
    columns: columnsOf(fields.get('columns') ?? ''),
    line: fields.get('line') ?? '',
  };
}

/**
 * @param {Filters} filters
 * @returns {string} what filtersOf reads
 */
export function hashOf(filters) {
  const fields = requestFields(filters);
  const set = (name, value) => value && fields.append(name, value);
  set('severity', NAMES[filters.severity]);
  for (const list of ['is', 'not']) {
    for (const { field, value } of filters[list]) set(list, `${escaped(field).replaceAll(':', '%u003A')}:${escaped(value)}`);
  }
  set('exclude', filters.exclude);
  set('search', filters.search);
  set('hide', filters.hide && 'on');
  set('re', filters.expression && 'on');
  set('wrap', !filters.wrap && 'off');
  set('group', !filters.group && 'off');
  set('time', filters.utc && 'utc');
  set('columns', filters.columns && namesOf(filters.columns));
  set('line', filters.line);
  return fields.toString();
}

/**
 * Returns the address of the stream, relative to the page.
 * @param {Filters} filters
 * @param {boolean} resumed whether the request has a Last-Event-ID, where the server then continues
 */
export function streamAddress(filters, resumed) {
  const fields = requestFields(filters);
  if (!resumed) fields.append('last', filters.line === '' ? LAST : LAST_FOR_LINE);
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

function wanted(texts) {
  return texts
    .map((text) => text.match(/^(topic|host|program|pid|facility|(?:fields|structured)\.[^:]*):(.*)$/s))
    .filter((match) => match !== null)
    .map(([, field, value]) => ({ field: unescaped(field), value: unescaped(value) }));
}

/** Writes what an address cannot hold, a lone surrogate, as %uDC80. */
function escaped(text) {
  return text.replace(/%(?=u)|\p{Cs}/gu, (c) => `%u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`);
}

function unescaped(text) {
  return text.replace(/%u([0-9A-F]{4})/g, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
}

function requestFields(filters) {
  const fields = new URLSearchParams(filters.topics.map((topic) => ['topic', topic]));
  if (filters.grep !== '') fields.append('grep', filters.grep);
  return fields;
}

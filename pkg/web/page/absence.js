/**
 * Why there is no line.
 * @module
 */

import { counted, printable } from './text.js';

/** How many topics are named, and how much of each, in UTF-16 units. */
const NAMED = 12;
const LONGEST = 80;

/**
 * @typedef {object} Circumstances
 * @property {import('./stream.js').State} state
 * @property {number} since when it began, in milliseconds since 1970
 * @property {import('./clock.js').Clock} clock
 * @property {import('./upstream.js').Upstream} upstream
 * @property {import('./address.js').Filters} filters
 * @property {string[]} reasons why the view hides lines
 * @property {number} hidden lines in memory that it hides
 * @property {string[] | null} topics that exist, null if that is not known
 */

/**
 * @param {Circumstances} circumstances
 * @returns {string}
 */
export function absence({ state, since, clock, upstream, filters, reasons, hidden, topics }) {
  if (hidden > 0) return `${hidden === 1 ? 'The line' : `All ${counted(hidden, 'line')}`} in memory ${hidden === 1 ? 'is' : 'are'} hidden by ${listed(reasons)}.`;
  switch (state.name) {
    case 'connecting':
      return 'Connecting.';
    case 'waiting':
      return `The server is away since ${clock.seconds(since)}: ${state.reason}.`;
    case 'unauthorized':
      return 'This server needs a token.';
    case 'refused':
      return 'The server refuses this filter.';
  }
  if (upstream.up === false) return `There is ${upstream.words(clock)}.`;
  const time = clock.seconds(since);
  const { topics: asked, grep } = filters;
  if (asked.length === 0 && grep === '') return `Connected at ${time}. Nothing has been published since then.`;
  const wanted = [
    asked.length > 0 && `a topic that begins with ${asked.map((topic) => `“${short(topic)}”`).join(' or ')}`,
    grep !== '' && `a text that matches “${short(grep)}”`,
  ];
  return `No message with ${wanted.filter(Boolean).join(' and ')} since ${time}. ${existing(topics)}`;
}

/** Joins reasons as in a sentence. */
function listed(reasons) {
  return reasons.length < 2 ? reasons.join('') : `${reasons.slice(0, -1).join(', ')} and ${reasons.at(-1)}`;
}

function existing(topics) {
  if (topics === null) return '';
  if (topics.length === 0) return 'The server remembers no other message, either.';
  const more = topics.length - NAMED;
  return `There are messages of ${topics.slice(0, NAMED).map(short).join(', ')}${more > 0 ? ` and ${counted(more, 'other topic')}` : ''}.`;
}

function short(text) {
  return printable(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text) || '(no topic)';
}

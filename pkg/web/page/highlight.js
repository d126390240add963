/**
 * Turns text into nodes, with its named characters and the matches of a search. It enters the document as text only.
 * @module
 */

import { Expression } from './expression.js';

/** The most matches that are marked in one text. Bounds the nodes of a line. */
const MOST_MARKS = 100;

/** @typedef {import('./text.js').Segment} Segment */

/**
 * @param {string} words what to look for, '' for nothing
 * @param {boolean} [expression] whether they are a regular expression, of JavaScript
 * @returns {RegExp | null} a pattern that matches them in either case
 * @throws {SyntaxError} if the expression has a fault
 */
export function patternOf(words, expression = false) {
  if (words === '') return null;
  return expression ? new Expression(words, 'giu') : new RegExp(words.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'giu');
}

/**
 * Replaces an element's content.
 * @param {Element} element
 * @param {Segment[]} segments
 * @param {RegExp | null} pattern
 * @returns {number} the number of marked matches
 */
export function fill(element, segments, pattern) {
  const text = segments.length === 1 ? segments[0].text : segments.map((segment) => segment.text).join('');
  const ranges = pattern === null ? [] : matches(text, pattern);
  if (ranges.length === 0 && !segments.some((segment) => segment.named)) {
    element.textContent = text;
    return 0;
  }
  element.replaceChildren();
  const cursor = { segments, index: 0, start: 0 };
  let from = 0;
  for (const { start, end } of ranges) {
    emit(element, cursor, from, start);
    const mark = document.createElement('mark');
    emit(mark, cursor, start, end);
    element.append(mark);
    from = end;
  }
  emit(element, cursor, from, text.length);
  return ranges.length;
}

function matches(text, pattern) {
  const ranges = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match && ranges.length < MOST_MARKS; match = pattern.exec(text)) {
    if (match[0] === '') pattern.lastIndex = match.index + (text.codePointAt(match.index) > 0xffff ? 2 : 1);
    else ranges.push({ start: match.index, end: pattern.lastIndex });
  }
  return ranges;
}

/** Appends the text between the offsets from and to. The cursor only moves forwards. */
function emit(parent, cursor, from, to) {
  while (from < to) {
    const segment = cursor.segments[cursor.index];
    const end = cursor.start + segment.text.length;
    const piece = segment.text.slice(from - cursor.start, to - cursor.start);
    parent.append(segment.named ? named(piece) : piece);
    from = Math.min(to, end);
    if (from === end) {
      cursor.start = end;
      cursor.index++;
    }
  }
}

function named(text) {
  const span = document.createElement('span');
  span.className = 'named';
  span.textContent = text;
  return span;
}

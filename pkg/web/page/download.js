/**
 * Files of what is shown.
 * @module
 */

import { payloadOf } from './record.js';

/** What each kind of file has of a line. */
const LINES = {
  log: (line) => payloadOf(JSON.parse(line.data)).replace(/[\n\0]/g, (c) => (c === '\n' ? '#012' : '#000')),
  ndjson: (line) => line.data,
};

/** A byte that is not UTF-8, in the text of a payload. */
const strayByte = /[\udc80-\udcff]/u;

/**
 * Saves lines as a file.
 * @param {import('./record.js').Record[]} records of which only lines are saved
 * @param {'log' | 'ndjson'} kind log: the payloads, a line each, with line feeds as rsyslog writes them, #012
 */
export function save(records, kind) {
  const parts = [];
  for (const record of records) if (record.kind === 'line') parts.push(...encoded(LINES[kind](record)), '\n');
  const anchor = document.createElement('a');
  anchor.href = URL.createObjectURL(new Blob(parts, { type: kind === 'log' ? 'text/plain' : 'application/x-ndjson' }));
  anchor.download = `zmqtap-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${kind}`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

/** Splits a text into parts for a Blob: a lone surrogate stands for a byte. */
function encoded(text) {
  if (!strayByte.test(text)) return [text];
  return text.split(/([\udc80-\udcff])/u).map((part) => (strayByte.test(part) ? Uint8Array.of(part.charCodeAt(0) - 0xdc00) : part));
}

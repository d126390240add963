/**
 * A payload's bytes.
 * @module
 */

/** How much of a payload is dumped, in bytes. */
const MOST = 16 * 1024;

/** Bytes in a row of a dump. */
const ROW = 16;

/**
 * @param {object} event a message event's data
 * @returns {Uint8Array} the payload
 */
export function bytesOf(event) {
  if (typeof event.message === 'string') return new TextEncoder().encode(event.message);
  return Uint8Array.from(atob(event.message_base64 ?? ''), (character) => character.charCodeAt(0));
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} as hexdump -C writes them
 */
export function dump(bytes) {
  const rows = [];
  for (let from = 0; from < Math.min(bytes.length, MOST); from += ROW) {
    const row = Array.from(bytes.subarray(from, Math.min(from + ROW, MOST)));
    const hex = row.map((byte, i) => (i === ROW / 2 ? ' ' : '') + byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    rows.push(`${from.toString(16).padStart(8, '0')}  ${hex.padEnd(ROW * 3)}  |${text}|`);
  }
  if (bytes.length > MOST) rows.push(`… ${bytes.length - MOST} more bytes`);
  return rows.join('\n');
}

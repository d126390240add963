/**
 * Makes text from the network safe to read: invisible characters and those that change the direction of writing are
 * replaced by their names, long text is cut, and bytes that are not UTF-8 are shown in hex. Nothing here touches the
 * document.
 * @module
 */

/** How much of a message is shown at first, in bytes of UTF-8. */
const SHOWN_BYTES = 8 * 1024;

/** The most runs of named characters that are highlighted in one text; others are plain. Bounds the nodes of a line. */
const MOST_RUNS = 64;

/** Control characters except tab, format characters (with all bidirectional controls), separators, lone surrogates. */
const unseen = /(?:(?!\t)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])+/gu;

/** The same without line feeds. */
const unseenInLines = /(?:(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])+/gu;

/** A UTF-8 character of two to four bytes, or a byte that belongs to none, in a binary string. */
const utf8 =
  /[\xc2-\xdf][\x80-\xbf]|(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f])[\x80-\xbf]|(?:\xf0[\x90-\xbf]|[\xf1-\xf3][\x80-\xbf]|\xf4[\x80-\x8f])[\x80-\xbf]{2}|[\x80-\xff]/g;

const strayByte = /[\udc80-\udcff]/gu;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const shown = new Uint8Array(SHOWN_BYTES);
const numbers = new Intl.NumberFormat('en');

/** @typedef {{text: string, named: boolean}} Segment named: the text is the name of unseen characters */

/**
 * Splits text into segments that are safe to show: U+202E becomes a segment `<U+202E>` that is marked as named.
 * @param {string} text
 * @param {boolean} [lines] whether line feeds stay
 * @returns {Segment[]}
 */
export function segments(text, lines = false) {
  const out = [];
  let from = 0;
  let runs = 0;
  const plain = (piece) => {
    const last = out.at(-1);
    if (last && !last.named) last.text += piece;
    else if (piece !== '') out.push({ text: piece, named: false });
  };
  for (const { 0: run, index } of text.matchAll(lines ? unseenInLines : unseen)) {
    plain(text.slice(from, index));
    const names = Array.from(run, nameOf).join('');
    if (runs++ < MOST_RUNS) out.push({ text: names, named: true });
    else plain(names);
    from = index + run.length;
  }
  plain(text.slice(from));
  return out;
}

/**
 * Returns the text of all segments in one string, for attributes.
 * @param {string} text
 */
export function printable(text) {
  return text.replace(unseen, (run) => Array.from(run, nameOf).join(''));
}

function nameOf(character) {
  const code = character.codePointAt(0);
  if (code >= 0xdc80 && code <= 0xdcff) return `<0x${(code - 0xdc00).toString(16).toUpperCase()}>`;
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

/**
 * Decodes base64 to text. A byte 0xNN that is not UTF-8 becomes the lone surrogate U+DCNN; segments shows it as
 * `<0xNN>`.
 * @param {string} base64
 * @throws if it is not base64
 */
export function textOfBase64(base64) {
  return atob(base64).replace(utf8, (bytes) =>
    bytes.length === 1
      ? String.fromCharCode(0xdc00 + bytes.charCodeAt(0))
      : decoder.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))),
  );
}

/**
 * Returns the beginning of a text, which is shown at first, and how many bytes it leaves out.
 * @param {string} text
 * @returns {{head: string, more: number}}
 */
export function cut(text) {
  if (text.length * 3 <= SHOWN_BYTES) return { head: text, more: 0 };
  const { read } = encoder.encodeInto(text, shown);
  if (read === text.length) return { head: text, more: 0 };
  return { head: text.slice(0, read), more: byteLength(text.slice(read)) };
}

function byteLength(text) {
  return encoder.encode(text).length - 2 * (text.match(strayByte)?.length ?? 0);
}

/**
 * Formats a count: 12,345.
 * @param {number} n
 */
export function count(n) {
  return numbers.format(n);
}

/**
 * Formats a count with its noun: 1 line, 2 lines.
 * @param {number} n
 * @param {string} noun
 */
export function counted(n, noun) {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

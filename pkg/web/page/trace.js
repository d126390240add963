/**
 * Which lines continue an earlier one: the frames of a stack trace, and other lines that are indented, of the same
 * source.
 * @module
 */

/** The most sources that are watched. */
const MOST_SOURCES = 1000;

/** The most lines that continue one. */
const MOST_LINES = 1000;

/** A line that comes this much later continues nothing, in milliseconds. */
const LATEST = 5000;

/** A line that is longer begins no trace: one is held for each source. In UTF-16 units. */
const LARGEST = 64 * 1024;

/** How a line begins that continues another: indented, or as Java and Python write the parts of a trace. */
const continuation =
  /^(?:\s+\S|#011|at \S+\(|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)|Traceback \(|During handling of the above |The above exception )/;

/** The last line of a Python traceback. */
const pythonEnd = /^[A-Za-z_][\w.]*(?:: |$)/;

/** The text ends in a line feed, or in rsyslog's name for it. */
const lineEnd = /\r?\n|#015#012|#012/;

/** @typedef {import('./record.js').Line} Line */

/**
 * @param {string} text
 * @returns {string[]} its lines. rsyslog writes a line feed within a message as #012, and a tab as #011
 */
export function linesOf(text) {
  const lines = text.split(lineEnd);
  if (lines.length === 1) return lines;
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.replaceAll('#011', '\t'));
}

/** @param {string[]} lines of a trace */
export function isPython(lines) {
  return lines.some((line) => line.startsWith('Traceback ('));
}

export class Traces {
  #open = new Map(); // by source: {head, lines, python}

  /**
   * Sets the head of a line that continues another one, and its severity if it has none.
   * @param {Line} line
   */
  join(line) {
    const source = `${line.topic}\0${line.host}\0${line.program}\0${line.pid}`;
    const open = this.#open.get(source);
    if (open && this.#continues(line, open)) {
      open.lines++;
      open.python = line.text.startsWith('Traceback (') || (open.python && /^\s/.test(line.text));
      line.head = open.head;
      if (line.severity > 7) line.severity = open.head.severity;
      return;
    }
    this.#open.delete(source); // the map is in the order of use
    if (line.size > LARGEST) return;
    this.#open.set(source, { head: line, lines: 0, python: line.text.startsWith('Traceback (') });
    if (this.#open.size > MOST_SOURCES) this.#open.delete(this.#open.keys().next().value);
  }

  clear() {
    this.#open.clear();
  }

  #continues(line, { head, lines, python }) {
    if (lines >= MOST_LINES || line.received - head.received > LATEST) return false;
    return continuation.test(line.text) || (python && lines > 0 && pythonEnd.test(line.text));
  }
}

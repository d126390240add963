/**
 * How many lines there were of each topic, host and program, and at which rate.
 * @module
 */

/** The most values of a field that are counted one by one. */
const MOST = 1000;

/** A value that is longer is not counted by itself, in UTF-16 units. */
const LONGEST = 1000;

/** The seconds over which a rate is a mean. */
const SECONDS = 10;

/** The fields that are counted. */
export const FIELDS = ['topic', 'host', 'program'];

/**
 * @typedef {object} Count
 * @property {string} value
 * @property {number} lines
 * @property {number} rate per second
 */

export class Facets {
  #fields = new Map(FIELDS.map((name) => [name, { tallies: new Map(), others: 0 }]));

  /** @param {import('./record.js').Line} line */
  add(line) {
    for (const [name, field] of this.#fields) {
      const value = line[name] ?? '';
      let tally = field.tallies.get(value);
      if (tally === undefined) {
        if (field.tallies.size >= MOST || value.length > LONGEST) {
          field.others++;
          continue;
        }
        field.tallies.set(value, (tally = { lines: 0, last: 0, recent: new Array(SECONDS).fill(0) }));
      }
      tally.lines++;
      if (!Number.isNaN(line.received)) tick(tally, Math.floor(line.received / 1000), 1);
    }
  }

  clear() {
    for (const field of this.#fields.values()) {
      field.tallies.clear();
      field.others = 0;
    }
  }

  /**
   * @param {string} name of a field
   * @param {number} now by the server's clock, in milliseconds
   * @returns {{counts: Count[], others: number}} the most frequent first; others: lines with values beyond the limit
   */
  of(name, now) {
    const { tallies, others } = this.#fields.get(name);
    const second = Math.floor(now / 1000);
    const counts = Array.from(tallies, ([value, tally]) => {
      tick(tally, second, 0);
      return { value, lines: tally.lines, rate: tally.recent.reduce((a, b) => a + b) / SECONDS };
    });
    return { counts: counts.sort((a, b) => b.lines - a.lines || (a.value < b.value ? -1 : 1)), others };
  }
}

/** Adds n to a second's count, and forgets those that are too old for the rate. */
function tick(tally, second, n) {
  for (let s = Math.max(tally.last + 1, second - SECONDS + 1); s <= second; s++) tally.recent[s % SECONDS] = 0;
  tally.last = Math.max(tally.last, second);
  if (second > tally.last - SECONDS) tally.recent[second % SECONDS] += n;
}

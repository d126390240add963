/**
 * Times as people read them, here or in UTC.
 * @module
 */

const digits = (n, width = 2) => String(n).padStart(width, '0');

export class Clock {
  /** Whether times are in UTC, and not in the browser's zone. */
  utc = false;

  /**
   * @param {number} time in milliseconds since 1970
   * @returns {string} 17:03:18.123, of another day 11-28 17:03; NaN is --:--:--.---
   */
  short(time) {
    if (Number.isNaN(time)) return '--:--:--.---';
    const { year, month, day, hour, minute, second, millisecond } = this.#parts(time);
    const today = this.#parts(Date.now());
    if (day === today.day && month === today.month && year === today.year) {
      return `${hour}:${minute}:${second}.${millisecond}`;
    }
    return `${month}-${day} ${hour}:${minute}`;
  }

  /** @param {number} time */
  seconds(time) {
    const { hour, minute, second } = this.#parts(time);
    return `${hour}:${minute}:${second}`;
  }

  /**
   * @param {number} time
   * @returns {string} 2026-11-30 17:03:18.123 +01:00
   */
  long(time) {
    if (Number.isNaN(time)) return '';
    const { year, month, day, hour, minute, second, millisecond } = this.#parts(time);
    return `${year}-${month}-${day} ${hour}:${minute}:${second}.${millisecond} ${this.#zone(time)}`;
  }

  #zone(time) {
    if (this.utc) return 'UTC';
    const minutes = -new Date(time).getTimezoneOffset();
    const size = Math.abs(minutes);
    return `${minutes < 0 ? '-' : '+'}${digits(Math.floor(size / 60))}:${digits(size % 60)}`;
  }

  #parts(time) {
    const shift = this.utc ? 0 : new Date(time).getTimezoneOffset() * 60_000;
    const date = new Date(time - shift);
    return {
      year: date.getUTCFullYear(),
      month: digits(date.getUTCMonth() + 1),
      day: digits(date.getUTCDate()),
      hour: digits(date.getUTCHours()),
      minute: digits(date.getUTCMinutes()),
      second: digits(date.getUTCSeconds()),
      millisecond: digits(date.getUTCMilliseconds(), 3),
    };
  }
}

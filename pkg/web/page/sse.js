/**
 * A parser of server-sent events, as in "9.2.6 Interpreting an event stream" of the HTML standard. It does no I/O.
 * @module
 */

/** The longest line, and the longest data of an event, in UTF-16 units. Longer events are dropped and counted. */
const LONGEST = 8 * 1024 * 1024;

const lineEnd = /\r\n|\n|\r/g;

/**
 * @typedef {object} ServerEvent
 * @property {string} name "message" if the stream names none
 * @property {string} data
 * @property {string} id the last ID in the stream, this event's or an earlier one's
 */

/** Parses the decoded text of a stream, in pieces of any size, and calls back with its events in order. */
export class EventParser {
  /** The last ID of a complete event, for Last-Event-ID. */
  lastId = '';
  /** The number of events that were dropped because a line or their data was too long. */
  tooLong = 0;

  #onEvent;
  #onRetry;
  #partial = '';
  #partialTooLong = false;
  #afterReturn = false;
  #id = '';
  #name = '';
  #data = null;
  #dataTooLong = false;

  /**
   * @param {(event: ServerEvent) => void} onEvent
   * @param {(milliseconds: number) => void} [onRetry] gets the time between attempts that the stream asks for
   */
  constructor(onEvent, onRetry = () => {}) {
    this.#onEvent = onEvent;
    this.#onRetry = onRetry;
  }

  /** @param {string} text the next piece of the stream */
  push(text) {
    let from = 0;
    if (this.#afterReturn && text !== '') {
      this.#afterReturn = false;
      if (text[0] === '\n') from = 1;
    }
    lineEnd.lastIndex = from;
    for (let end = lineEnd.exec(text); end; end = lineEnd.exec(text)) {
      this.#extend(text.slice(from, end.index));
      from = lineEnd.lastIndex;
      this.#afterReturn = end[0] === '\r' && from === text.length;
      const line = this.#partial;
      const whole = !this.#partialTooLong;
      this.#partial = '';
      this.#partialTooLong = false;
      if (whole) this.#line(line);
      else this.#dataTooLong = true;
    }
    this.#extend(text.slice(from));
  }

  #extend(piece) {
    if (this.#partial.length + piece.length > LONGEST) {
      this.#partial = '';
      this.#partialTooLong = true;
    }
    if (!this.#partialTooLong) this.#partial += piece;
  }

  #line(line) {
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment: the server's heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value[0] === ' ') value = value.slice(1);
    this.#field(field, value);
  }

  #field(field, value) {
    switch (field) {
      case 'event':
        this.#name = value;
        break;
      case 'data':
        if ((this.#data?.length ?? 0) + value.length > LONGEST) this.#dataTooLong = true;
        else this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
        break;
      case 'id':
        if (!value.includes('\0')) this.#id = value;
        break;
      case 'retry':
        if (/^[0-9]+$/.test(value)) this.#onRetry(Number(value));
        break;
    }
  }

  #dispatch() {
    this.lastId = this.#id;
    const event = { name: this.#name || 'message', data: this.#data, id: this.#id };
    const tooLong = this.#dataTooLong;
    this.#name = '';
    this.#data = null;
    this.#dataTooLong = false;
    if (tooLong) this.tooLong++;
    else if (event.data !== null) this.#onEvent(event);
  }
}

/**
 * The connection to the server's stream. EventSource cannot send an Authorization header. Therefore this uses fetch:
 * it parses events, watches for silence, and reconnects after a loss with the last ID that it has seen.
 * @module
 */

import { EventParser } from './sse.js';

/** How long the loop reads before it lets the browser draw, in milliseconds. */
const SLICE = 10;

/** How much is parsed in one go, in bytes. The browser returns as much as has arrived. */
const PIECE = 16 * 1024;

/** How much of a refusal's reason is shown, in UTF-16 units. */
const LONGEST_REASON = 500;

/**
 * @typedef {object} State
 * @property {'connecting' | 'live' | 'waiting' | 'unauthorized' | 'refused'} name
 * @property {string} [reason] why the stream waits or was refused
 * @property {number} [until] when a waiting stream tries again, by performance.now()
 */

/**
 * @typedef {object} Config
 * @property {(resumed: boolean) => string} address of the request; resumed: it is sent with a Last-Event-ID
 * @property {() => string} token '' for none
 * @property {(state: State) => void} onState
 * @property {(event: import('./sse.js').ServerEvent) => void} onEvent
 * @property {(milliseconds: number) => void} [onTime] gets the server's clock at its answer, since 1970
 * @property {(events: number) => void} [onTooLong] gets the number of events that were too long
 * @property {number} [silence] after this many milliseconds without a byte, the connection counts as dead
 * @property {number} [first] the first wait before another attempt, in milliseconds
 * @property {number} [longest] the longest one
 */

/** One view's stream. It is started once and stopped for good. */
export class Stream {
  #config;
  #controller = new AbortController();
  #stopped = false;
  #lastId = '';
  #failures = 0;
  #first;

  /** @param {Config} config */
  constructor(config) {
    this.#config = { silence: 45_000, first: 1_000, longest: 15_000, onTime: () => {}, onTooLong: () => {}, ...config };
    this.#first = this.#config.first;
  }

  /** Connects, and reconnects after each loss, until stop is called or the server refuses. */
  async start() {
    while (!this.#stopped) {
      this.#controller = new AbortController();
      this.#state({ name: 'connecting' });
      let reason = 'the connection was lost';
      try {
        const end = await this.#connect();
        if (end.name) {
          this.#state(end);
          return;
        }
        reason = end.reason;
      } catch {
        if (this.#controller.signal.aborted) reason = 'the server was silent';
      }
      this.#controller.abort();
      await this.#wait(reason);
    }
  }

  /** Ends the connection. No callback is called afterwards. */
  stop() {
    this.#stopped = true;
    this.#controller.abort();
  }

  #state(state) {
    if (!this.#stopped) this.#config.onState(state);
  }

  /** Runs one connection to its end. A result with a name is the final State. */
  async #connect() {
    const headers = { Accept: 'text/event-stream' };
    if (/[^\x21-\x7e]/.test(this.#config.token())) return { name: 'unauthorized' }; // a header cannot hold it
    if (this.#config.token()) headers.Authorization = `Bearer ${this.#config.token()}`;
    if (this.#lastId) headers['Last-Event-ID'] = this.#lastId;
    const watch = new Watch(this.#config.silence, this.#controller);
    try {
      const response = await fetch(this.#config.address(this.#lastId !== ''), {
        headers, signal: this.#controller.signal, cache: 'no-store', redirect: 'error',
      });
      if (response.status !== 200) return await refusal(response);
      if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return { reason: 'the server sends no events' };
      const time = Date.parse(response.headers.get('Date') ?? '');
      if (!Number.isNaN(time)) this.#config.onTime(time);
      this.#state({ name: 'live' });
      await this.#read(response.body.getReader(), watch);
      return { reason: 'the server ended the connection' };
    } finally {
      watch.end();
    }
  }

  async #read(reader, watch) {
    const decoder = new TextDecoder();
    const parser = new EventParser(
      (event) => this.#stopped || this.#config.onEvent(event),
      (milliseconds) => { this.#first = Math.min(Math.max(milliseconds, 100), this.#config.longest); },
    );
    let since = performance.now();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#stopped) return;
      watch.again();
      this.#failures = 0;
      for (let from = 0; from < value.length && !this.#stopped; from += PIECE) {
        parser.push(decoder.decode(value.subarray(from, from + PIECE), { stream: true }));
        this.#lastId = parser.lastId || this.#lastId;
        if (parser.tooLong > 0) this.#config.onTooLong(parser.tooLong);
        parser.tooLong = 0;
        if (performance.now() - since < SLICE) continue;
        await breath();
        since = performance.now();
      }
    }
  }

  async #wait(reason) {
    if (this.#stopped) return;
    const step = Math.min(this.#first * 2 ** this.#failures++, this.#config.longest);
    const time = step / 2 + (Math.random() * step) / 2;
    this.#controller = new AbortController();
    this.#state({ name: 'waiting', reason, until: performance.now() + time });
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#controller.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Aborts a connection on which nothing arrives. */
class Watch {
  #milliseconds;
  #controller;
  #timer;

  constructor(milliseconds, controller) {
    this.#milliseconds = milliseconds;
    this.#controller = controller;
    this.again();
  }

  again() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), this.#milliseconds);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

async function refusal(response) {
  if (response.status === 401) return { name: 'unauthorized' };
  const text = (await response.text()).slice(0, LONGEST_REASON).trim();
  if (response.status === 400 || response.status === 403) return { name: 'refused', reason: text || 'the server refuses this filter' };
  if (response.status === 503) return { reason: text || 'the server has too many readers' };
  return { reason: `the server answers ${response.status}` };
}

/** Lets the browser draw and take input. It uses a message, because timers are throttled in a hidden tab. */
function breath() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

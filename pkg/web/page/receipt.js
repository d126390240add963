/**
 * What comes from the stream, and where it goes.
 * @module
 */

import { endOf, gapOf, lineOf, missedOf } from './record.js';

export class Receipt {
  #to;

  /**
   * @param {{status: import('./status.js').Status, feed: import('./feed.js').Feed,
   *     facets: import('./facets.js').Facets, histogram: import('./histogram.js').Histogram,
   *     upstream: import('./upstream.js').Upstream, access: import('./access.js').Access,
   *     onLine: (line: import('./record.js').Line) => void, onOther: () => void}} to
   *     onLine is called before a line goes anywhere, onOther when the stream is for another reader than before
   */
  constructor(to) {
    this.#to = to;
  }

  /**
   * Handles one event of the stream. An unreadable one is only counted.
   * @param {import('./sse.js').ServerEvent} event
   */
  receive({ name, data, id }) {
    const { status, feed, upstream, access, onOther } = this.#to;
    try {
      if (name === 'message') {
        this.#line(lineOf(data, id));
      } else if (name === 'missed') {
        const { note, count, total } = missedOf(data);
        status.missed = Math.max(status.missed + count, total);
        feed.receive(note);
      } else if (name === 'gap') {
        const { note, count } = gapOf(data);
        if (count === null) status.unknown = true;
        else status.gaps += count;
        feed.receive(note);
      } else if (name === 'end') {
        feed.receive(endOf(data));
      } else if (name === 'status') {
        upstream.receive(data);
      } else if (name === 'access' && access.show(data)) {
        onOther();
      }
    } catch {
      status.unreadable++;
    }
  }

  #line(line) {
    const { status, feed, facets, histogram, onLine } = this.#to;
    status.received++;
    if (line.severity <= 3) status.errors++;
    onLine(line);
    feed.receive(line);
    histogram.add(line.received, line.severity);
    facets.add(line);
  }
}

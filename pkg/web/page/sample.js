/**
 * Which topics there are, by a look at the messages that the server remembers.
 * @module
 */

import { lineOf } from './record.js';
import { Stream } from './stream.js';
import { token } from './token.js';

/** How many remembered messages are looked at, and for how long, in milliseconds. */
const LAST = 1000;
const LONGEST = 2000;

/**
 * @param {AbortSignal} signal
 * @returns {Promise<string[]>} the topics, the most frequent first; '' stands for messages without one
 */
export function topicsThatExist(signal) {
  const counts = new Map();
  let events = 0;
  return new Promise((resolve) => {
    const end = () => {
      stream.stop();
      resolve(Array.from(counts).sort((a, b) => b[1] - a[1]).map(([topic]) => topic));
    };
    const stream = new Stream({
      address: () => `stream?last=${LAST}`,
      token,
      onState: ({ name }) => name === 'live' || name === 'connecting' || end(),
      onEvent: ({ name, data }) => {
        if (name !== 'message') return;
        const { topic } = lineOf(data);
        counts.set(topic ?? '', (counts.get(topic ?? '') ?? 0) + 1);
        if (++events >= LAST) end();
      },
    });
    signal.addEventListener('abort', end);
    setTimeout(end, LONGEST);
    stream.start();
  });
}

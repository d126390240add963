/**
 * When the list is drawn next. If more comes than anybody can read as it passes, it is drawn after pauses, so that the
 * page has time for its reader.
 * @module
 */

/** The records of a second that are a flood, and the pause between two drawings then, in milliseconds. */
const FLOOD = 2000;
const PAUSE = 100;

export class Pace {
  #flood = false;
  #since = 0;
  #arrived = 0;
  #timer = 0;
  #framed = false;

  /** Counts a record. */
  count() {
    const now = performance.now();
    this.#arrived++;
    if (now - this.#since < 1000) return;
    this.#flood = this.#arrived > FLOOD;
    this.#since = now;
    this.#arrived = 0;
  }

  /** Whether there is a flood. */
  get flood() {
    return this.#flood && performance.now() - this.#since < 2000; // if nothing comes, nobody counts
  }

  /**
   * Calls draw in an animation frame, unless that is to come already.
   * @param {() => void} draw
   * @param {boolean} [now] in the next frame, even in a flood
   */
  schedule(draw, now = false) {
    if (this.#framed) return;
    if (this.flood && !now) {
      this.#timer ||= setTimeout(() => this.#frame(draw), PAUSE);
      return;
    }
    clearTimeout(this.#timer);
    this.#frame(draw);
  }

  #frame(draw) {
    this.#timer = 0;
    this.#framed = true;
    requestAnimationFrame(() => {
      this.#framed = false;
      draw();
    });
  }
}

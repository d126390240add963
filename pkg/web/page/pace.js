/**
 * When the list is drawn next. If more comes than anybody can read as it passes, it is drawn after pauses, so that the
 * page has time for its reader.
 * @module
 */

/** The records of a second that are a flood, and the pause between two drawings then, in milliseconds. */
const FLOOD = 2000;
const PAUSE = 100;

export class Pace {
  /** Whether there is a flood. */
  flood = false;
  #since = 0;
  #arrived = 0;
  #scheduled = false;

  /** Counts a record. */
  count() {
    const now = performance.now();
    this.#arrived++;
    if (now - this.#since < 1000) return;
    this.flood = this.#arrived > FLOOD;
    this.#since = now;
    this.#arrived = 0;
  }

  /**
   * Calls draw in an animation frame, unless that is to come already.
   * @param {() => void} draw
   */
  schedule(draw) {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const frame = () =>
      requestAnimationFrame(() => {
        this.#scheduled = false;
        draw();
      });
    if (this.flood) setTimeout(frame, PAUSE);
    else frame();
  }
}

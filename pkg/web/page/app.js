/**
 * The page: connects stream, list and controls.
 * @module
 */

import { Access } from './access.js';
import { filtersOf, hashOf, sameStream, streamAddress, topicsOf } from './address.js';
import { draw, Rate } from './chart.js';
import { Feed } from './feed.js';
import { listenToKeys } from './keys.js';
import { List } from './list.js';
import { endOf, gapOf, lineOf, missedOf } from './record.js';
import { Search } from './search.js';
import { NAMES, NONE } from './severity.js';
import { Status } from './status.js';
import { Stream } from './stream.js';
import { count, counted } from './text.js';
import { token, TokenPrompt } from './token.js';

/** The time between two updates of the counters and the chart, in milliseconds. */
const TICK = 250;

/** If the page is this narrow, the fields are folded. */
const narrow = matchMedia('(max-width: 46rem)');

class App {
  #elements = Object.fromEntries(Array.from(document.querySelectorAll('[id]'), (element) => [element.id, element]));
  #filters = filtersOf(location.hash);
  #list = new List(this.#elements.log, this.#elements.lines);
  #feed = new Feed(this.#list, this.#filters.severity, () => this.#showLines());
  #status = new Status(this.#elements);
  #access = new Access(this.#elements.access);
  #rate = new Rate();
  #stream = null;
  #search;
  #prompt;

  start() {
    const elements = this.#elements;
    const { search: field, matches: output, next, previous } = elements;
    this.#search = new Search({ field, output, next, previous }, this.#list, () => this.#feed.hold());
    this.#prompt = new TokenPrompt(
      {
        dialog: elements['token-dialog'],
        form: elements['token-form'],
        field: elements.token,
        reason: elements['token-reason'],
        cancel: elements['token-cancel'],
      },
      () => this.#connect(),
    );
    this.#listen();
    this.#showFilters();
    this.#connect();
    this.#tick();
    setInterval(() => this.#tick(), TICK);
  }

  #listen() {
    const { topics, grep, severity, wrap, pause, clear, jump, log, controls, fold, search } = this.#elements;
    for (const field of [topics, grep, severity]) field.addEventListener('change', () => this.#filtersChanged());
    controls.addEventListener('submit', (event) => event.preventDefault());
    wrap.addEventListener('click', () => this.#setFilters({ ...this.#filters, wrap: !this.#filters.wrap }));
    pause.addEventListener('click', () => this.#togglePause());
    clear.addEventListener('click', () => this.#clear());
    jump.addEventListener('click', () => {
      this.#feed.jump();
      log.focus();
    });
    log.addEventListener('scroll', () => this.#feed.scrolled(), { passive: true });
    new ResizeObserver(() => this.#feed.following && this.#list.toEnd()).observe(log);
    this.#elements['token-again'].addEventListener('click', () => this.#prompt.ask());
    addEventListener('hashchange', () => this.#applyAddress());
    const unfold = () => { fold.open = !narrow.matches; };
    narrow.addEventListener('change', unfold);
    unfold();
    listenToKeys({
      search: () => {
        fold.open = true;
        search.select();
        search.focus();
      },
      pause: () => this.#togglePause(),
    });
  }

  /** Writes the fields into the address, from where they are applied. */
  #filtersChanged() {
    const { topics, grep, severity } = this.#elements;
    this.#setFilters({
      ...this.#filters,
      topics: topicsOf(topics.value),
      grep: grep.value,
      severity: severity.value === '' ? NONE : NAMES.indexOf(severity.value),
    });
  }

  #setFilters(filters) {
    location.hash = hashOf(filters); // triggers #applyAddress if it is a new one
  }

  #applyAddress() {
    const before = this.#filters;
    this.#filters = filtersOf(location.hash);
    this.#showFilters();
    if (before.severity !== this.#filters.severity) this.#feed.setMinimum(this.#filters.severity);
    if (!sameStream(before, this.#filters)) {
      this.#clear();
      this.#connect();
    }
  }

  #showFilters() {
    const { topics, grep, severity, wrap, log } = this.#elements;
    topics.value = this.#filters.topics.join(' ');
    grep.value = this.#filters.grep;
    severity.value = NAMES[this.#filters.severity] ?? '';
    wrap.setAttribute('aria-pressed', String(this.#filters.wrap));
    log.classList.toggle('no-wrap', !this.#filters.wrap);
    if (this.#feed.following) this.#list.toEnd();
  }

  #connect() {
    this.#stream?.stop();
    this.#status.lost = 0; // the server counts for each connection
    this.#stream = new Stream({
      address: (resumed) => streamAddress(this.#filters, resumed),
      token,
      onState: (state) => this.#stateChanged(state),
      onEvent: (event) => this.#received(event),
      onTime: (milliseconds) => this.#rate.setServerTime(milliseconds),
      onTooLong: (events) => { this.#status.unreadable += events; },
    });
    this.#stream.start();
  }

  #stateChanged(state) {
    this.#status.setState(state);
    const { grep } = this.#elements;
    const error = this.#elements['grep-error'];
    error.hidden = state.name !== 'refused';
    error.textContent = state.name === 'refused' ? state.reason : '';
    grep.setAttribute('aria-invalid', String(state.name === 'refused'));
    if (state.name !== 'unauthorized') return;
    this.#access.hide();
    this.#prompt.ask();
  }

  /** Handles one event of the stream. An unreadable one is only counted. */
  #received({ name, data }) {
    try {
      if (name === 'message') {
        this.#line(lineOf(data));
      } else if (name === 'missed') {
        const { note, total } = missedOf(data);
        this.#status.lost = total;
        this.#feed.receive(note);
      } else if (name === 'gap') {
        this.#feed.receive(gapOf(data));
      } else if (name === 'end') {
        this.#feed.receive(endOf(data));
      } else if (name === 'access' && this.#access.show(data)) {
        this.#clear(); // what another reader has seen is not this one's
      }
    } catch {
      this.#status.unreadable++;
    }
  }

  #line(line) {
    this.#status.received++;
    if (line.severity <= 3) this.#status.errors++;
    if (!this.#feed.receive(line)) this.#status.below++;
    this.#rate.add(line.time);
  }

  #togglePause() {
    if (this.#feed.paused) this.#feed.resume();
    else this.#feed.pause();
    this.#showPause();
  }

  #clear() {
    this.#feed.clear();
    this.#status.reset();
    this.#tick();
  }

  #showLines() {
    const { empty, jump } = this.#elements;
    empty.hidden = this.#list.length > 0;
    jump.hidden = this.#feed.following;
    jump.textContent = `${counted(this.#feed.below, 'new line')} ↓`;
  }

  #showPause() {
    const { pause } = this.#elements;
    pause.textContent = this.#feed.paused ? `Resume (${count(this.#feed.waiting)} waiting)` : 'Pause';
    pause.classList.toggle('active', this.#feed.paused);
  }

  #tick() {
    const { chart, rate } = this.#elements;
    this.#status.update(this.#feed.skipped);
    this.#showPause();
    this.#showLines();
    this.#search.update();
    draw(chart, rate, this.#rate.series());
  }
}

new App().start();

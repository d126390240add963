/**
 * The page: connects stream, lines and controls.
 * @module
 */

import { Access } from './access.js';
import { actionsOf } from './actions.js';
import { filtersOf } from './address.js';
import { Blank } from './blank.js';
import { chipsOf, showChips } from './chips.js';
import { Clock } from './clock.js';
import { usual } from './columns.js';
import { Connection } from './connection.js';
import { listenTo } from './controls.js';
import { Facets } from './facets.js';
import { Feed } from './feed.js';
import { ColumnsDialog, Heading } from './heading.js';
import { draw, Histogram, RANGES } from './histogram.js';
import { listKeys, listenToKeys } from './keys.js';
import { List } from './list.js';
import { Reading } from './reading.js';
import { Receipt } from './receipt.js';
import { Search } from './search.js';
import { Settings } from './settings.js';
import { NAMES, NONE } from './severity.js';
import { Sidebar } from './sidebar.js';
import { Span } from './span.js';
import { Status } from './status.js';
import { count, counted } from './text.js';
import { TokenPrompt } from './token.js';
import { Upstream } from './upstream.js';
import { View } from './view.js';
import { Viewing } from './viewing.js';

/** The time between two updates of the counters and the chart, in milliseconds. */
const TICK = 250;

/** If the page is this narrow or low, the fields are folded; if it is this wide, the topics are beside the lines. */
const narrow = matchMedia('(max-width: 46rem), (max-height: 30rem)');
const wide = matchMedia('(min-width: 75rem)');

class App {
  elements = Object.fromEntries(Array.from(document.querySelectorAll('[id]'), (element) => [element.id, element]));
  settings = new Settings(
    () => this.#settingsChanged(),
    () => this.say('That is too long for the address of this page.'),
  );
  clock = new Clock();
  #seen = { host: false, program: false, topic: false };
  #look = { columns: usual(this.#seen), clock: this.clock, group: true };
  list = new List(this.elements.log, this.elements.lines, this.#look);
  histogram = new Histogram();
  span = new Span(this.elements.chart, this.histogram, this.clock, () => this.#spanChanged());
  #all = new View(filtersOf(''), null, []);
  feed = new Feed(this.list, this.elements.log, this.#all, () => this.#showLines());
  #viewing = new Viewing(this.elements, this.feed, this.list, this.#all);
  #upstream = new Upstream();
  #status = new Status(this.elements, this.clock, this.#upstream);
  #access = new Access(this.elements.access);
  #facets = new Facets();
  #blank = new Blank(this.elements, this.clock, this.#upstream, this.#status);
  #receipt = new Receipt({
    status: this.#status, feed: this.feed, facets: this.#facets, histogram: this.histogram, upstream: this.#upstream, access: this.#access,
    onLine: (line) => this.#see(line),
    onOther: () => this.clear(), // what another reader has seen is not this one's
  });
  #connection = new Connection({
    onState: (state) => this.#stateChanged(state),
    onRefused: (reason) => this.#showRefusal(reason, reason !== ''),
    onFresh: () => this.clear(),
    onEvent: (event) => this.#receipt.receive(event),
    onTime: (milliseconds) => this.histogram.setServerTime(milliseconds),
    onTooLong: (events) => { this.#status.unreadable += events; },
  });

  constructor() {
    const { elements } = this;
    const { search: field, matches: output, next, previous, side: aside, 'side-field': sideField, 'side-list': list, 'side-rest': rest } = elements;
    this.search = new Search({ field, output, next, previous }, this.feed, this.list, {
      onInput: () => this.settings.setQuietly({ search: field.value }),
      onFound: (line) => this.reading.goTo(line),
    });
    this.sidebar = new Sidebar({ aside, field: sideField, list, rest }, this.#facets, this.histogram, (of, wanted) => this.settings.want(of, wanted));
    this.reading = new Reading(this);
    this.#heading = new Heading(elements.log, elements.heading, (columns) => this.set({ columns }));
    this.#columnsDialog = new ColumnsDialog(elements['columns-list'], elements['columns-reset'], (columns) => this.set({ columns }));
    this.prompt = new TokenPrompt(
      {
        dialog: elements['token-dialog'],
        form: elements['token-form'],
        field: elements.token,
        reason: elements['token-reason'],
        cancel: elements['token-cancel'],
      },
      () => this.#connect(true),
    );
    this.actions = actionsOf(this);
  }

  #heading;
  #columnsDialog;

  start() {
    const { fold, log, 'help-keys': keys } = this.elements;
    listenTo(this);
    listKeys(keys);
    listenToKeys(this.actions);
    const fit = () => {
      this.list.fit();
      this.#heading.fit();
      if (this.feed.following) this.list.toEnd();
      else if (this.reading.open) this.list.keepInView();
    };
    new ResizeObserver(() => requestAnimationFrame(fit)).observe(log); // what it changes is not for this round
    const unfold = () => { fold.open = !narrow.matches; };
    narrow.addEventListener('change', unfold);
    unfold();
    this.setSide(wide.matches);
    this.#showFilters();
    this.#connect();
    this.#tick();
    setInterval(() => this.#tick(), TICK);
  }

  /** What the reader has set. @returns {import('./address.js').Filters} */
  get filters() {
    return this.settings.filters;
  }

  /** @param {Partial<import('./address.js').Filters>} changes to what is set */
  set(changes) {
    this.settings.set(changes);
  }

  /** Hides nothing any more. @param {string} [line] the ID of the one to go to */
  showAll(line = '') {
    const focused = this.elements.empty.contains(document.activeElement); // the button is hidden now
    this.span.clear();
    this.set({ severity: NONE, is: [], not: [], exclude: '', hide: false, line });
    if (focused) this.elements.log.focus();
  }

  setSide(open) {
    this.sidebar.open = open;
    this.elements['side-toggle'].setAttribute('aria-pressed', String(open));
  }

  togglePause() {
    if (this.feed.paused) this.feed.resume();
    else this.feed.pause();
    this.#tick();
  }

  follow() {
    this.reading.close();
    this.span.clear();
    this.feed.jump();
    this.elements.log.focus();
  }

  clear() {
    this.feed.clear();
    this.#facets.clear();
    this.sidebar.update(true);
    this.#status.reset();
    this.#tick();
  }

  /** @param {string} text of which screen readers are told, and others see it for a while */
  say(text) {
    this.#status.announce(text);
    this.elements['held-text'].textContent = text;
    this.#said = performance.now();
    this.#showLines();
  }

  #said = -Infinity;

  #settingsChanged() {
    this.#showFilters();
    this.#connect();
  }

  #connect(again = false) {
    this.#connection.open(this.filters, again || this.reading.needsMore(this.filters.line));
  }

  #showFilters() {
    const { filters, elements } = this;
    elements.topics.value = filters.topics.join(' ');
    elements.grep.value = filters.grep;
    elements.severity.value = NAMES[filters.severity] ?? '';
    elements.exclude.value = filters.exclude;
    if (elements.search.value !== filters.search) elements.search.value = filters.search;
    for (const name of ['wrap', 'utc', 'group', 'hide', 'expression']) elements[name].setAttribute('aria-pressed', String(filters[name]));
    elements.log.classList.toggle('no-wrap', !filters.wrap);
    showChips(elements.chips, [...chipsOf(filters, (changes) => this.set(changes)), ...this.#spanChip()], elements.log);
    this.sidebar.setFilters(filters);
    this.#showColumns();
    this.#showView();
  }

  #spanChip() {
    return this.span.chosen === null ? [] : [{ text: this.span.words, end: () => this.span.clear() }];
  }

  /** Makes the lines again if columns or the clock are others. */
  #showColumns() {
    const { group, utc } = this.filters;
    const columns = this.filters.columns ?? usual(this.#seen);
    const names = JSON.stringify(columns);
    const key = JSON.stringify([names, utc, group]);
    if (key === this.#shownColumns) return;
    const others = names !== JSON.stringify(this.#look.columns) || this.#shownColumns === '';
    const regroup = this.#look.group !== group;
    this.#shownColumns = key;
    this.#look.columns = columns;
    this.#look.group = group;
    this.clock.utc = utc;
    if (others) {
      this.#heading.show(columns);
      this.#columnsDialog.show(columns);
    }
    this.reading.setColumns(columns);
    this.span.draw();
    if (regroup) this.feed.setView(this.#viewing.view);
    else this.list.render();
    if (this.feed.following) this.list.toEnd();
  }

  #shownColumns = '';

  #showView() {
    this.#viewing.show(this.filters, this.span.chosen, this.#columnNames);
    if (this.feed.following) this.list.toEnd();
    this.#tick();
  }

  get #columnNames() {
    return this.#look.columns.map(({ name }) => name);
  }

  #spanChanged() {
    const { chosen } = this.span;
    if (chosen !== null) this.feed.hold('you chose a span of time');
    this.#showFilters();
    if (chosen === null) this.feed.jump();
    else this.list.toStart();
  }

  #stateChanged(state) {
    this.#status.setState(state);
    if (state.name !== 'live') this.#upstream.clear();
    if (state.name === 'connecting') this.#blank.restart();
    if (state.name === 'refused') this.#showRefusal(state.reason, false);
    if (state.name !== 'unauthorized') return;
    this.#access.hide();
    this.prompt.ask();
  }

  #showRefusal(reason, alive) {
    const { grep, 'grep-error': error } = this.elements;
    error.hidden = reason === '';
    error.textContent = alive ? `${reason} – the lines are still those of the filter before.` : reason;
    grep.setAttribute('aria-invalid', String(reason !== ''));
  }

  /** Shows the columns that a line is the first to need. */
  #see(line) {
    const { host, program, topic } = this.#seen;
    const seen = {
      host: host || line.host !== '',
      program: program || line.program !== '',
      topic: topic || (line.program === '' && line.topic !== null && line.topic !== ''),
    };
    if (seen.host === host && seen.program === program && seen.topic === topic) return;
    this.#seen = seen;
    this.#showColumns();
    this.#showView();
  }

  #showLines() {
    const { empty, jump, held, lines, 'held-text': text } = this.elements;
    empty.hidden = lines.querySelector('.line') !== null; // a note alone does not say why there is no line
    lines.hidden = this.list.length === 0;
    const said = performance.now() - this.#said < 4000;
    held.hidden = this.feed.following && !said;
    jump.hidden = this.feed.following;
    const below = `${counted(this.feed.below, 'new line')} ↓`;
    if (jump.textContent !== below) jump.textContent = below;
    const why = this.feed.following ? '' : `Not following: ${this.feed.reason}.`;
    if (!said && text.textContent !== why) text.textContent = why;
  }

  #showPause() {
    const { pause } = this.elements;
    const text = this.feed.paused ? `Resume (${count(this.feed.waiting)} waiting)` : 'Pause';
    if (pause.textContent !== text) pause.textContent = text;
    pause.classList.toggle('active', this.feed.paused);
  }

  #tick() {
    const { chart, rate } = this.elements;
    this.#viewing.watch(this.filters, this.span.chosen, this.#columnNames);
    this.#status.update(this.feed, this.feed.paused);
    this.#showPause();
    this.#showLines();
    this.#blank.show(this.filters, this.#viewing.view.reasons, this.feed.hidden);
    this.search.update();
    this.sidebar.update();
    this.reading.update();
    draw(chart, rate, this.histogram);
    this.span.draw();
  }

  nextRange() {
    const steps = [...RANGES.keys()];
    this.histogram.step = steps[(steps.indexOf(this.histogram.step) + 1) % steps.length];
    this.elements.range.textContent = { 1: '2 min', 5: '10 min', 30: '1 h' }[this.histogram.step];
    this.#tick();
  }
}

new App().start();

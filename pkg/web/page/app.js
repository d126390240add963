/**
 * The page: connects stream, lines and controls.
 * @module
 */

import { Access } from './access.js';
import { actionsOf } from './actions.js';
import { filtersOf, hashOf, topicsOf } from './address.js';
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
import { NAMES, NONE } from './severity.js';
import { Sidebar } from './sidebar.js';
import { Span } from './span.js';
import { Status } from './status.js';
import { count, counted } from './text.js';
import { TokenPrompt } from './token.js';
import { Upstream } from './upstream.js';
import { View } from './view.js';

/** The time between two updates of the counters and the chart, in milliseconds. */
const TICK = 250;

/** If the page is this narrow, the fields are folded; if it is this wide, the topics are beside the lines. */
const narrow = matchMedia('(max-width: 46rem)');
const wide = matchMedia('(min-width: 75rem)');

class App {
  elements = Object.fromEntries(Array.from(document.querySelectorAll('[id]'), (element) => [element.id, element]));
  filters = filtersOf(location.hash);
  clock = new Clock();
  #seen = { host: false, program: false, topic: false };
  #look = { columns: usual(this.#seen), clock: this.clock, group: true };
  list = new List(this.elements.log, this.elements.lines, this.#look);
  histogram = new Histogram();
  span = new Span(this.elements.chart, this.histogram, this.clock, () => this.#spanChanged());
  #view = new View(filtersOf(''), null, []);
  feed = new Feed(this.list, this.elements.log, this.#view, () => this.#showLines());
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
      onInput: () => this.setQuietly({ search: field.value }),
      onFound: (line) => this.reading.goTo(line),
    });
    this.sidebar = new Sidebar({ aside, field: sideField, list, rest }, this.#facets, this.histogram, (of, wanted) => this.want(of, wanted));
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
    addEventListener('hashchange', () => this.#applyAddress());
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

  /**
   * Changes what is shown, by way of the address.
   * @param {Partial<import('./address.js').Filters>} changes
   */
  set(changes) {
    location.hash = hashOf({ ...this.filters, line: '', ...changes }); // triggers #applyAddress if it is a new one
  }

  /** The same without an entry in the browser's history: for what is being typed. */
  setQuietly(changes) {
    history.replaceState(null, '', `#${hashOf({ ...this.filters, line: '', ...changes })}`);
    this.#applyAddress();
  }

  /** Writes the fields into the address, from where they are applied. */
  fieldsChanged() {
    const { topics, grep, severity, exclude } = this.elements;
    this.set({
      topics: topicsOf(topics.value),
      grep: grep.value,
      severity: severity.value === '' ? NONE : NAMES.indexOf(severity.value),
      exclude: exclude.value,
    });
  }

  /** Shows only the lines that have a value, or not these; both only until the same is wanted again. */
  want(of, { field, value }) {
    const same = (wanted) => wanted.field === field && wanted.value === value;
    const others = (list) => this.filters[list].filter((wanted) => !same(wanted) && (list === 'not' || of === 'not' || wanted.field !== field));
    const changes = { is: others('is'), not: others('not') };
    if (!this.filters[of].some(same)) changes[of].push({ field, value });
    this.set(changes);
  }

  /** Hides nothing any more. @param {string} [line] the ID of the one to go to */
  showAll(line = '') {
    this.span.clear();
    this.set({ severity: NONE, is: [], not: [], exclude: '', hide: false, line });
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

  #applyAddress() {
    this.filters = filtersOf(location.hash);
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
    showChips(elements.chips, [...chipsOf(filters, (changes) => this.set(changes)), ...this.#spanChip()]);
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
    this.elements.log.classList.toggle('usual-columns', this.filters.columns === null);
    if (others) {
      this.#heading.show(columns);
      this.#columnsDialog.show(columns);
    }
    this.reading.setColumns(columns);
    this.span.draw();
    if (regroup) this.feed.setView(this.#view);
    else this.list.render();
    if (this.feed.following) this.list.toEnd();
  }

  #shownColumns = '';

  /** Applies what decides which lines are shown. A fault in an expression leaves them as they are. */
  #showView() {
    const { search, exclude, 'pattern-error': error } = this.elements;
    const { filters } = this;
    const names = this.#look.columns.map(({ name }) => name);
    const { severity, is, not, exclude: excluded, hide, expression, search: words } = filters;
    const key = JSON.stringify([severity, is, not, excluded, hide && words, expression, this.span.chosen, names]);
    try {
      const view = new View(filters, this.span.chosen, names);
      error.hidden = true;
      if (String(view.pattern) !== String(this.#view.pattern)) this.list.mark(view.pattern);
      this.#view = view;
      if (key !== this.#shownView) this.feed.setView(view);
      else this.feed.setSearch(view);
      this.#shownView = key;
    } catch (fault) {
      error.textContent = `${fault.message}. The lines are still those of the expression before.`;
      error.hidden = false;
    }
    search.setAttribute('aria-invalid', String(!error.hidden));
    exclude.setAttribute('aria-invalid', String(!error.hidden));
    if (this.feed.following) this.list.toEnd();
    this.#tick();
  }

  #shownView = JSON.stringify([NONE, [], [], '', false, false, null, []]);

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
    this.#status.update(this.feed, this.feed.paused);
    this.#showPause();
    this.#showLines();
    this.#blank.show(this.filters, this.#view.reasons, this.feed.hidden);
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

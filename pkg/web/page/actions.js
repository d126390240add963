/**
 * What keys and buttons do, by the names in KEYS.
 * @module
 */

/**
 * @param {object} app see app.js
 * @returns {Record<string, () => void>}
 */
export function actionsOf(app) {
  const { elements, feed, list } = app;
  const toggle = (name) => () => app.set({ [name]: !app.filters[name] });
  const focus = (field) => () => {
    elements.fold.open = true;
    field.select();
    field.focus();
  };
  return {
    search: focus(elements.search),
    exclude: focus(elements.exclude),
    nextMatch: () => app.search.step(1),
    previousMatch: () => app.search.step(-1),
    hide: toggle('hide'),
    expression: toggle('expression'),
    wrap: toggle('wrap'),
    utc: toggle('utc'),
    group: toggle('group'),
    pause: () => app.togglePause(),
    follow: () => app.follow(),
    oldest: () => feed.toStart(),
    columns: () => elements['columns-dialog'].showModal(),
    topics: () => app.setSide(!app.sidebar.open),
    range: () => app.nextRange(),
    help: () => showHelp(elements),
    unfold: () => list.toggle(),
    ...app.reading.actions,
  };
}

/** Explains the numbers with the words that they have as titles. */
function showHelp({ help, counters, 'help-numbers': numbers }) {
  numbers.replaceChildren(
    ...Array.from(counters.children, ({ title, firstElementChild }) => {
      const row = document.createElement('div');
      const [term, description] = ['dt', 'dd'].map((tag) => document.createElement(tag));
      term.textContent = firstElementChild.textContent;
      description.textContent = title;
      row.append(term, description);
      return row;
    }),
  );
  help.showModal();
}

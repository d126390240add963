/**
 * The page's fields and buttons.
 * @module
 */

/** The buttons, and what each does: an action of KEYS. */
const BUTTONS = {
  pause: 'pause',
  jump: 'follow',
  wrap: 'wrap',
  utc: 'utc',
  group: 'group',
  hide: 'hide',
  expression: 'expression',
  columns: 'columns',
  range: 'range',
  'side-toggle': 'topics',
  'save-log': 'downloadLog',
  'save-ndjson': 'downloadJSON',
  context: 'context',
  'copy-line': 'copyLine',
  'copy-json': 'copyJSON',
  'copy-link': 'copyLink',
  'help-open': 'help',
};

/**
 * Lets the controls act.
 * @param {object} app see app.js
 */
export function listenTo(app) {
  const { elements, actions, feed } = app;
  const { topics, grep, severity, exclude, controls, log, lines, clear } = elements;
  for (const [id, action] of Object.entries(BUTTONS)) elements[id].addEventListener('click', actions[action]);
  for (const field of [topics, grep, severity]) field.addEventListener('change', () => app.settings.takeFields(elements));
  exclude.addEventListener('input', () => app.settings.setQuietly({ exclude: exclude.value }));
  exclude.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    app.settings.setQuietly({ exclude: '' });
    app.list.focus();
  });
  controls.addEventListener('submit', (event) => event.preventDefault());
  clear.addEventListener('click', () => app.clear());
  elements['show-all'].addEventListener('click', () => app.showAll());
  elements['token-again'].addEventListener('click', () => app.prompt.ask());
  log.addEventListener('scroll', () => feed.scrolled(), { passive: true });
  document.addEventListener('selectionchange', () => {
    const selection = getSelection();
    if (!selection.isCollapsed && lines.contains(selection.anchorNode)) feed.hold('you selected text');
  });
}

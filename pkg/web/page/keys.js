/**
 * Keys that work wherever the focus is, except in fields.
 * @module
 */

/**
 * The keys, and what they do. The names of the actions are those of App.
 * @type {[string[], string, string][]}
 */
export const KEYS = [
  [['/'], 'search', 'Search. Enter: next match, Shift-Enter: previous one, Escape: end'],
  [['n'], 'nextMatch', 'Next match'],
  [['N'], 'previousMatch', 'Previous match'],
  [['h'], 'hide', 'Hide the lines that the search does not find'],
  [['r'], 'expression', 'Search and exclude with regular expressions'],
  [['x'], 'exclude', 'Exclude lines'],
  [['p', ' '], 'pause', 'Pause, and go on'],
  [['f', 'G'], 'follow', 'Go to the newest line, and follow'],
  [['g'], 'oldest', 'Go to the oldest line in memory'],
  [['j'], 'nextLine', 'Next line'],
  [['k'], 'previousLine', 'Previous line'],
  [['e'], 'nextError', 'Next error'],
  [['E'], 'previousError', 'Previous error'],
  [['Enter'], 'details', 'Details of the chosen line'],
  [['o'], 'unfold', 'Unfold the chosen line, or fold it'],
  [['a'], 'context', 'The lines around the chosen one, also those that the page hides'],
  [['y'], 'copyLine', 'Copy the chosen line'],
  [['Y'], 'copyJSON', 'Copy it as JSON'],
  [['l'], 'copyLink', 'Copy a link to it'],
  [['w'], 'wrap', 'Wrap long lines'],
  [['u'], 'utc', 'Times in UTC'],
  [['s'], 'group', 'Fold stack traces'],
  [['c'], 'columns', 'Columns'],
  [['t'], 'topics', 'Topics, hosts and programs'],
  [['z'], 'range', 'Histogram of two minutes, ten minutes or an hour'],
  [['d'], 'downloadLog', 'Download what is shown, a payload a line'],
  [['D'], 'downloadJSON', 'Download it as a line of JSON each'],
  [['?'], 'help', 'This list'],
  [['Escape'], 'escape', 'Close the details, end the span'],
];

const ACTIONS = new Map(KEYS.flatMap(([keys, action]) => keys.map((key) => [key, action])));

/**
 * @param {Record<string, () => void>} actions by name
 */
export function listenToKeys(actions) {
  document.addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const seen = target.checkVisibility(); // a field of a dialog that has just been closed keeps the focus until the next frame
    if (seen && target.closest('input, select, textarea, dialog[open]')) return;
    if ((key === ' ' || key === 'Enter') && target.closest('button, summary, a')) return; // the key presses the element
    const action = target.closest('.line') ? { ArrowDown: 'nextLine', ArrowUp: 'previousLine' }[key] : undefined;
    const name = action ?? ACTIONS.get(key);
    if (name === undefined) return;
    actions[name]();
    event.preventDefault();
  });
}

/**
 * Writes the list of keys.
 * @param {Element} list a dl
 */
export function listKeys(list) {
  list.replaceChildren(
    ...KEYS.map(([keys, , words]) => {
      const row = document.createElement('div');
      const [term, description] = ['dt', 'dd'].map((tag) => document.createElement(tag));
      for (const key of keys) {
        const element = document.createElement('kbd');
        element.textContent = key === ' ' ? 'Space' : key;
        term.append(element, ' ');
      }
      description.textContent = words;
      row.append(term, description);
      return row;
    }),
  );
}

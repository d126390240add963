/**
 * Keys that work wherever the focus is, except in fields.
 * @module
 */

/**
 * @param {{search: () => void, pause: () => void}} actions
 */
export function listenToKeys({ search, pause }) {
  document.addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (target.closest('input, select, textarea, dialog')) return;
    if (key === ' ' && target.closest('button, summary, a')) return; // the key presses the element
    if (key === '/') search();
    else if (key === 'p' || key === ' ') pause();
    else return;
    event.preventDefault();
  });
}

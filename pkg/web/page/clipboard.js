/**
 * Copying text.
 * @module
 */

/**
 * Copies text. Without TLS, browsers have no clipboard but for what is selected.
 * @param {string} text
 * @returns {Promise<boolean>} whether it was copied
 */
export async function copy(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { /* not allowed: the other way may be */ }
  }
  const area = document.createElement('textarea');
  const { activeElement } = document;
  area.className = 'unseen';
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  activeElement?.focus({ preventScroll: true });
  return copied;
}

/**
 * The token that the server may ask for. It is stored for this tab only, until the tab is closed.
 * @module
 */

const KEY = 'zmqtap.token';

/** @returns {string} '' if there is none */
export function token() {
  return sessionStorage.getItem(KEY) ?? '';
}

/** The dialog that asks for the token. */
export class TokenPrompt {
  #dialog;
  #field;
  #reason;

  /**
   * @param {{dialog: HTMLDialogElement, form: Element, field: HTMLInputElement, reason: Element,
   *     cancel: Element}} elements
   * @param {() => void} onToken is called after a new one was entered
   */
  constructor({ dialog, form, field, reason, cancel }, onToken) {
    this.#dialog = dialog;
    this.#field = field;
    this.#reason = reason;
    cancel.addEventListener('click', () => dialog.close());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, field.value.trim());
      field.value = '';
      dialog.close();
      onToken();
    });
  }

  /** Opens the dialog and removes the token that was rejected. */
  ask() {
    this.#reason.textContent = token() === '' ? 'This server needs a token.' : 'The server has rejected this token.';
    sessionStorage.removeItem(KEY);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#field.focus();
  }
}

/**
 * The token that the server may ask for. It is kept for this tab alone, and until it is closed.
 * @module
 */

const KEY = 'zmqtap.token';

/** @returns {string} '' if there is none */
export function token() {
  return sessionStorage.getItem(KEY) ?? '';
}

/** Asks for the token in a dialog. */
export class TokenPrompt {
  #dialog;
  #field;
  #reason;

  /**
   * @param {{dialog: HTMLDialogElement, form: Element, field: HTMLInputElement, reason: Element, cancel: Element}} elements
   * @param {() => void} onToken is called when there is a new one
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

  /** Opens the dialog; a token that was refused is forgotten. */
  ask() {
    this.#reason.textContent = token() === '' ? 'This server wants a token.' : 'The server has refused this token.';
    sessionStorage.removeItem(KEY);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#field.focus();
  }
}

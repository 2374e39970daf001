/* The browser's part of passkeys: form[data-passkey] asks an authenticator and sends its answer. Without it the form stays hidden. */
(() => {
  'use strict';
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const named = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

  async function create(form) {
    const options = JSON.parse(form.dataset.options);
    options.challenge = bytes(options.challenge);
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = named(options.excludeCredentials);
    const made = await navigator.credentials.create({ publicKey: options });
    const { attestationObject, clientDataJSON } = made.response;
    return answer(made, { attestationObject: text(attestationObject), clientDataJSON: text(clientDataJSON) });
  }

  async function get(form) {
    const response = await fetch(form.dataset.begin, { method: 'POST' });
    const begun = await response.json();
    if (!response.ok) throw new Error(begun.error_description);
    form.elements.ceremony.value = begun.ceremony;
    const options = begun.options;
    options.challenge = bytes(options.challenge);
    options.allowCredentials = named(options.allowCredentials);
    const found = await navigator.credentials.get({ publicKey: options });
    const { authenticatorData, clientDataJSON, signature, userHandle } = found.response;
    return answer(found, {
      authenticatorData: text(authenticatorData), clientDataJSON: text(clientDataJSON),
      signature: text(signature), userHandle: userHandle && text(userHandle),
    });
  }

  const answer = (credential, response) =>
    JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });

  // What a browser says in its own words helps nobody; the names are those of the specification.
  const words = {
    NotAllowedError: 'Nothing came of it: it was cancelled, took too long, or there is no passkey here. Try again.',
    InvalidStateError: 'This device holds a passkey of yours already.',
    SecurityError: 'The browser allows no passkeys at this address.',
  };

  for (const form of document.querySelectorAll('form[data-passkey]')) {
    if (!window.isSecureContext || !window.PublicKeyCredential) continue;
    form.hidden = false;
    for (const missing of document.querySelectorAll('[data-passkey-missing]')) missing.hidden = true;
    const button = form.querySelector('button');
    const error = form.querySelector('.error');
    let waiting = false;
    button.addEventListener('click', async () => {
      if (waiting) return;
      waiting = true;
      button.setAttribute('aria-busy', 'true');
      error.hidden = true;
      try {
        form.elements.passkey.value = await (form.dataset.passkey === 'create' ? create(form) : get(form));
        form.requestSubmit();
      } catch (problem) {
        error.textContent = words[problem.name] ?? 'That did not work. Try again in a moment.';
        error.hidden = false;
      } finally {
        waiting = false;
        button.removeAttribute('aria-busy');
      }
    });
  }
})();

/* Passkeys (WebAuthn): asks the browser's authenticator, at the log-in form and on a person's own page. */
(function () {
  "use strict";

  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }

  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function known(credentials) {
    return (credentials || []).map(function (one) { return Object.assign({}, one, { id: bytes(one.id) }); });
  }

  /* Written out, because older browsers lack parseCreationOptionsFromJSON and toJSON. */
  function plain(credential) {
    var response = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (credential.response[name]) {
        response[name] = text(credential.response[name]);
      }
    });
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: response };
  }

  function make(offer) {
    var asked = offer.options;
    var wish = Object.assign({}, asked, {
      challenge: bytes(asked.challenge),
      user: Object.assign({}, asked.user, { id: bytes(asked.user.id) }),
      excludeCredentials: known(asked.excludeCredentials),
    });
    return navigator.credentials.create({ publicKey: wish }).then(
      function (made) { return { token: offer.token, answer: plain(made) }; },
      function (error) { return { error: error.name }; }
    );
  }

  function send(address, body) {
    var message = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return fetch(address, message).then(function (answer) {
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      return answer.json();
    });
  }

  function logIn(next) {
    return send("/api/v1/sessions/passkey/options", {}).then(function (offer) {
      var wish = Object.assign({}, offer.options, {
        challenge: bytes(offer.options.challenge),
        allowCredentials: known(offer.options.allowCredentials),
      });
      return navigator.credentials.get({ publicKey: wish }).then(function (signed) {
        return send("/login/passkey", { token: offer.token, answer: plain(signed), next: next });
      });
    });
  }

  window.tundishPasskeys = { make: make };

  /* A passkey is bound to the platform's address; elsewhere the button would only fail. */
  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("login-passkey");
    if (!button || !window.PublicKeyCredential || button.dataset.origin !== window.location.origin) {
      return;
    }
    button.hidden = false;
    button.addEventListener("click", function () {
      var problem = document.getElementById("login-passkey-problem");
      problem.hidden = true;
      logIn(button.dataset.next).then(
        function (answer) { window.location.assign(answer.next); },
        function () { problem.hidden = false; }
      );
    });
  });
})();

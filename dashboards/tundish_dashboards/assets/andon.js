/* The wall screen: asks for itself again and again, says plainly when it cannot, and keeps nothing. */
(function () {
  "use strict";
  var EVERY_MS = 5000;
  var TURN_MS = 20000;
  var PATIENCE_MS = 15000;

  function start() {
    var place = document.getElementById("andon");
    var trouble = document.getElementById("andon-trouble");
    if (!place || !trouble) {
      return;
    }
    var begun = Date.now();
    var heard = Date.now();

    function say(words) {
      trouble.textContent = words;
      trouble.hidden = !words;
    }

    function ask() {
      var stop = new AbortController();
      var timer = setTimeout(function () {
        stop.abort();
      }, PATIENCE_MS);
      var turn = Math.floor((Date.now() - begun) / TURN_MS) % 1000000;
      fetch(place.dataset.address + "&turn=" + turn, { signal: stop.signal, cache: "no-store", redirect: "manual" })
        .then(function (answer) {
          if (answer.status === 401) {
            say(place.dataset.expired);
            return null;
          }
          if (answer.status === 404) {
            say(place.dataset.gone);
            return null;
          }
          if (!answer.ok) {
            throw new Error(String(answer.status));
          }
          return answer.text();
        })
        .then(function (words) {
          if (words !== null) {
            /* The server escapes every text in it. */
            place.innerHTML = words;
            heard = Date.now();
            say("");
          }
        })
        .catch(function () {
          var minutes = Math.floor((Date.now() - heard) / 60000);
          say(place.dataset.lost + " " + place.dataset.since.replace("{n}", String(minutes)));
        })
        .finally(function () {
          clearTimeout(timer);
          setTimeout(ask, EVERY_MS);
        });
    }

    ask();
  }

  document.addEventListener("DOMContentLoaded", start);
})();

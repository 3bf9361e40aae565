/* What only the browser can do: the menu, the watch over the connection, the title, and the end of a session. */
(function () {
  "use strict";
  var SILENCE_MS = 9000;
  var lastBeat = null;
  var lastValue = null;
  var zoom = null;
  var STALE_MS = 40000;
  var cockpitBeat = null;
  var cockpitValue = null;

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    tundish: {
      toggleMenu: function (opened, navbar) {
        return Object.assign({}, navbar, { collapsed: { mobile: !opened } });
      },
      closeMenu: function () {
        return false;
      },
      /* Pages that refresh themselves write a beat with every answer; pages that do not have none to miss. */
      watchBeat: function (ticks, beat) {
        if (beat && beat !== lastValue) {
          lastValue = beat;
          lastBeat = Date.now();
        }
        var refreshing = document.getElementById("refreshing") !== null;
        if (!refreshing || lastBeat === null || document.hidden) {
          lastBeat = refreshing ? Date.now() : null;
          return true;
        }
        return Date.now() - lastBeat < SILENCE_MS;
      },
      passOn: function (value) {
        return window.dash_clientside.callback_context.outputs_list.map(function () {
          return value;
        });
      },
      /* A file may be larger than a message of a page; it goes to a door of its own, which leads to its preview. */
      sendRegister: function (contents, name) {
        if (!contents) {
          return window.dash_clientside.no_update;
        }
        var bytes = Uint8Array.from(atob(contents.slice(contents.indexOf(",") + 1)), function (one) {
          return one.charCodeAt(0);
        });
        var address = "/bureau/register/upload?name=" + encodeURIComponent(name || "");
        return fetch(address, { method: "POST", body: bytes, credentials: "same-origin" })
          .then(function (answer) {
            return answer.ok ? answer.json() : { message: "HTTP " + answer.status };
          })
          .then(function (told) {
            if (told.path) {
              window.location.assign(told.path);
            }
            return told.message || "";
          });
      },
      /* The cockpit's own watch: nobody sits before it who would load the page again. */
      watchCockpit: function (ticks, beat) {
        if (beat !== cockpitValue || cockpitBeat === null) {
          cockpitValue = beat;
          cockpitBeat = new Date();
        }
        var stale = Date.now() - cockpitBeat.getTime() > STALE_MS;
        var at = cockpitBeat.toLocaleTimeString("en-GB");
        ["fresh", "stale"].forEach(function (state) {
          document.getElementById("cockpit-" + state).textContent = at;
          document.getElementById("cockpit-" + state + "-words").hidden = (state === "stale") !== stale;
        });
        return stale ? "cockpit cockpit-old" : "cockpit";
      },
      setTitle: function (title) {
        if (title) {
          document.title = title + " · Tundish";
        }
        return window.dash_clientside.no_update;
      },
      drawTrends: function (figure, window_) {
        if (!figure) {
          return window.dash_clientside.no_update;
        }
        if (zoom !== null && zoom.window === window_ && figure.layout.xaxis) {
          var axis = Object.assign({}, figure.layout.xaxis, { range: zoom.range.slice(), autorange: false });
          return { data: figure.data, layout: Object.assign({}, figure.layout, { xaxis: axis }) };
        }
        return figure;
      },
      keepZoom: function (change, window_) {
        if (change && change["xaxis.range[0]"] !== undefined) {
          zoom = { window: window_, range: [change["xaxis.range[0]"], change["xaxis.range[1]"]] };
        } else if (change && change["xaxis.autorange"]) {
          zoom = null;
        }
        return window.dash_clientside.no_update;
      },
      makePasskey: function (offer) {
        return offer ? window.tundishPasskeys.make(offer) : window.dash_clientside.no_update;
      },
      /* A role that holds for the whole enterprise only has no place to choose. */
      placeable: function (role, roles) {
        return roles.indexOf(role) === -1;
      },
      pageWidth: function () {
        var chart = document.getElementById("trends");
        return chart ? Math.round(chart.clientWidth) : Math.round(window.innerWidth);
      },
    },
  });

  /* Dash shows nothing when a callback is refused; a session that ended has to lead to the log-in page. */
  var send = window.fetch;
  window.fetch = function (resource, options) {
    return send.call(this, resource, options).then(function (answer) {
      var address = typeof resource === "string" ? resource : resource.url;
      if (answer.status === 401 && address.indexOf("_dash-") !== -1) {
        window.location.assign("/login?next=" + encodeURIComponent(window.location.pathname));
      }
      return answer;
    });
  };
})();

/* What only the browser can do: the menu, the watch over the connection, the title, and the end of a session. */
(function () {
  "use strict";
  var SILENCE_MS = 9000;
  var lastBeat = null;
  var lastValue = null;
  var zoom = null;
  /* Windows of the explorer that its reader came from. */
  var trail = [];

  /* The axis has the plant's wall clock as text; between two of them lengths are right as if they were UTC. */
  function millis(text) {
    var parts = text.split(/[ T]/);
    return Date.parse(parts[0] + "T" + (parts[1] || "00:00") + "Z");
  }
  function wall(ms) {
    return new Date(ms).toISOString().replace("T", " ").replace("Z", "");
  }
  function moved(shown, low, high) {
    var from = millis(shown.from);
    var length = millis(shown.to) - from || 1;
    return { from: wall(from + low * length), to: wall(from + high * length) };
  }
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
      newestParts: function (parts) {
        return parts ? window.tundishLive.parts(parts) : window.dash_clientside.no_update;
      },
      newestRows: function (rows) {
        return rows ? window.tundishLive.rows(rows) : window.dash_clientside.no_update;
      },
      liveLine: function (line, address) {
        return line ? address.split("?")[0] + "?" + new URLSearchParams({ line: line }) : address;
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
      sayFile: function (name) {
        return name || "";
      },
      sendExternal: function (clicks, contents, file, path, kind, name, number, issuer, issued, until) {
        if (!clicks) {
          return window.dash_clientside.no_update;
        }
        var bytes = Uint8Array.from(atob((contents || "").split(",")[1] || ""), function (one) {
          return one.charCodeAt(0);
        });
        var said = new URLSearchParams({
          kind: kind || "",
          name: name || "",
          number: number || "",
          issuer: issuer || "",
          issued_on: issued || "",
          valid_until: until || "",
          file_name: file || "",
        });
        var address = path.replace(/\/$/, "") + "/external?" + said;
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
      watchCockpit: function () {
        var beat = document.getElementById("cockpit-beat").textContent;
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
      /* Where the explorer looks next; a step back leads through the windows that came before. */
      explorerWindow: function (search, span, change, earlier, later, out, back, newest, shown, kept) {
        var none = window.dash_clientside.no_update;
        var asked = window.dash_clientside.callback_context.triggered;
        var part = kept && asked.length === 1 ? asked[0].prop_id.split(".")[0] : "location";
        if (part === "location") {
          var query = new URLSearchParams(search || "");
          trail = [];
          if (query.get("from") && query.get("to")) {
            return { from: query.get("from"), to: query.get("to") };
          }
          return { span: query.get("span") || span };
        }
        if (part === "explorer-back") {
          return trail.pop() || none;
        }
        var next = null;
        if (part === "explorer-span" || part === "explorer-newest") {
          next = { span: span };
        } else if (!shown) {
          return none;
        } else if (part === "explorer-chart") {
          if (change && change["xaxis.range[0]"] !== undefined) {
            next = { from: change["xaxis.range[0]"], to: change["xaxis.range[1]"] };
          } else if (change && change["xaxis.autorange"]) {
            next = moved(shown, -0.5, 1.5);
          }
        } else if (part === "explorer-earlier") {
          next = moved(shown, -0.5, 0.5);
        } else if (part === "explorer-later") {
          next = moved(shown, 0.5, 1.5);
        } else if (part === "explorer-out") {
          next = moved(shown, -0.5, 1.5);
        }
        if (next === null) {
          return none;
        }
        trail.push(kept);
        trail = trail.slice(-50);
        return next;
      },
      explorerWidth: function () {
        var chart = document.getElementById("explorer-chart");
        return chart ? Math.round(chart.clientWidth) : Math.round(window.innerWidth);
      },
      qualityWidth: function () {
        var chart = document.getElementById("quality-chart");
        return chart ? Math.round(chart.clientWidth) : Math.round(window.innerWidth);
      },
      energyWidth: function () {
        var chart = document.getElementById("energy-load");
        return chart ? Math.round(chart.clientWidth) : Math.round(window.innerWidth);
      },
      makePasskey: function (offer) {
        return offer ? window.tundishPasskeys.make(offer) : window.dash_clientside.no_update;
      },
      /* A role that holds for the whole enterprise only has no place to choose. */
      placeable: function (role, roles) {
        return roles.indexOf(role) === -1;
      },
      pageWidth: function () {
        var chart = document.getElementById("trends") || document.getElementById("machine-chart");
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

/* The stream of an open page: opened while somebody sees the page, opened anew when it breaks, and said when it
   stays broken. What it brings is put into marked elements and into the table; Dash is not asked. */
(function () {
  "use strict";
  /* The server says something every five seconds, news or not. */
  var SILENT_MS = 12000;
  /* A restart of the server is over sooner; nobody need read of it. */
  var GRACE_MS = 3000;
  var LEAST_MS = 500;
  var MOST_MS = 15000;
  var FULL_MS = 30000;
  var STIR_MS = 1000;
  var WATCH_MS = 250;

  /* The newest of each signal, and of the line. */
  var kept = {};
  var element = null;
  var address = null;
  var current = null;
  var live = false;
  var heard = 0;
  var lostSince = null;
  var sayAt = 0;
  var full = false;
  var attempts = 0;
  var openAt = 0;
  var stirAt = 0;
  var stirs = 0;
  var told = {};

  function set(id, name, value) {
    if (told[id] !== value) {
      told[id] = value;
      window.dash_clientside.set_props(id, { [name]: value });
    }
  }

  function words(mark) {
    var parts = mark.split("/");
    var row = kept[parts[0]];
    return row ? row[parts[1]] : undefined;
  }

  /* React keeps the text's node: it is written to, never replaced. */
  function write(place, text) {
    if (text === undefined || place.textContent === text) {
      return;
    }
    if (place.childNodes.length === 1 && place.firstChild.nodeType === Node.TEXT_NODE) {
      place.firstChild.nodeValue = text;
    } else {
      place.textContent = text;
    }
  }

  function grid() {
    var name = element && element.dataset.grid;
    try {
      return name ? window.dash_ag_grid.getApi(name) : null;
    } catch (_notThereYet) {
      return null;
    }
  }

  function fill(rows) {
    var table = rows.length ? grid() : null;
    if (!table) {
      return;
    }
    var update = [];
    rows.forEach(function (row) {
      var node = table.getRowNode(row.id);
      if (node) {
        update.push(Object.assign({}, node.data, row));
      }
    });
    if (update.length) {
      table.applyTransaction({ update: update });
    }
  }

  function take(news) {
    var fresh = {};
    news.rows.forEach(function (row) {
      var old = kept[row.id];
      if (old && (old.level !== row.level || old.status !== row.status)) {
        stirAt = stirAt || Date.now() + STIR_MS;
      }
      kept[row.id] = fresh[row.id] = row;
    });
    if (news.line) {
      kept.line = fresh.line = news.line;
    }
    document.querySelectorAll("[data-live]").forEach(function (place) {
      if (fresh[place.dataset.live.split("/")[0]]) {
        write(place, words(place.dataset.live));
      }
    });
    fill(news.rows);
  }

  function hear(event) {
    var name = /^event: (.*)$/m.exec(event);
    var data = /^data: (.*)$/m.exec(event);
    if (!name || !data) {
      return;
    }
    heard = Date.now();
    if (name[1] === "full") {
      full = true;
    }
    if (name[1] === "news" || name[1] === "alive") {
      live = true;
      lostSince = null;
      full = false;
      attempts = 0;
    }
    if (name[1] === "news") {
      take(JSON.parse(data[1]));
    }
  }

  function read(reader, decoder, rest, mine) {
    return reader.read().then(function (part) {
      if (mine !== current) {
        return undefined;
      }
      if (part.done) {
        return broken(mine);
      }
      var events = (rest + decoder.decode(part.value, { stream: true })).split("\n\n");
      var open = events.pop();
      events.forEach(hear);
      return read(reader, decoder, open, mine);
    });
  }

  function leave(status) {
    if (status === 401) {
      window.location.assign("/login?next=" + encodeURIComponent(window.location.pathname));
    } else if (status === 404 && heard) {
      /* It was this reader's a moment ago: what the page shows is not theirs any more. */
      window.location.reload();
    }
  }

  function open() {
    var mine = new AbortController();
    current = mine;
    var opened = Date.now();
    openAt = opened + SILENT_MS;
    fetch(address, { credentials: "same-origin", cache: "no-store", signal: mine.signal })
      .then(function (answer) {
        if (mine !== current) {
          return undefined;
        }
        if (!answer.ok) {
          full = answer.status === 429 || answer.status === 503;
          leave(answer.status);
          return broken(mine);
        }
        return read(answer.body.getReader(), new TextDecoder(), "", mine);
      })
      .catch(function () {
        full = mine === current ? false : full;
        broken(mine);
      });
  }

  function stop() {
    var mine = current;
    current = null;
    live = false;
    if (mine) {
      mine.abort();
    }
  }

  function broken(mine) {
    if (mine !== current) {
      return;
    }
    var since = live ? heard : Date.now();
    stop();
    if (lostSince === null) {
      lostSince = since;
      /* Silence was waited for already. */
      sayAt = Date.now() - since > SILENT_MS ? 0 : Date.now() + GRACE_MS;
    }
    var wait = full ? FULL_MS : Math.min(MOST_MS, LEAST_MS * Math.pow(2, attempts));
    attempts += 1;
    /* Not all pages at once, when a server comes back. */
    openAt = Date.now() + wait * (0.5 + Math.random());
  }

  function say() {
    var banner = document.getElementById("live-lost");
    var place = document.getElementById("live-words");
    if (!banner || !place) {
      return;
    }
    var shown = lostSince !== null && element !== null && Date.now() > sayAt;
    if (shown) {
      var at = new Date(lostSince).toLocaleTimeString("en-GB", { timeZone: element.dataset.zone });
      write(place, (full ? place.dataset.full : place.dataset.lost).replace("{at}", at));
    }
    if (banner.hidden === shown) {
      banner.hidden = !shown;
      document.body.classList.toggle("live-stale", shown);
    }
  }

  function rest() {
    (element.dataset.paused || "").split(" ").filter(Boolean).forEach(function (interval) {
      set(interval, "disabled", document.hidden);
    });
    set("live-poll", "disabled", document.hidden || lostSince === null || Date.now() <= sayAt);
  }

  function watch() {
    var found = document.getElementById("live-stream");
    if (found !== element) {
      element = found;
      told = {};
    }
    var wanted = element ? element.textContent : null;
    if (wanted !== address) {
      stop();
      address = wanted;
      kept = {};
      lostSince = null;
      heard = attempts = openAt = stirAt = 0;
    }
    if (element) {
      go();
    }
    say();
  }

  function go() {
    var now = Date.now();
    if (document.hidden) {
      stop();
      lostSince = null;
      attempts = openAt = 0;
    } else if (current && now > Math.max(openAt, live ? heard + SILENT_MS : 0)) {
      broken(current);
    } else if (!current && now >= openAt) {
      open();
    }
    rest();
    if (stirAt && now >= stirAt) {
      stirAt = 0;
      stirs += 1;
      window.dash_clientside.set_props("live-news", { data: stirs });
    }
  }

  /* A tree of Dash's components with what the stream brought since it was made. */
  function parts(tree) {
    if (Array.isArray(tree)) {
      return tree.map(parts);
    }
    if (!live || !tree || typeof tree !== "object" || !tree.props) {
      return tree;
    }
    var text = tree.props["data-live"] ? words(tree.props["data-live"]) : undefined;
    var children = text === undefined ? parts(tree.props.children) : text;
    return Object.assign({}, tree, { props: Object.assign({}, tree.props, { children: children }) });
  }

  window.tundishLive = {
    parts: parts,
    rows: function (rows) {
      return rows.map(function (row) {
        return live && kept[row.id] ? Object.assign({}, row, kept[row.id]) : row;
      });
    },
  };
  window.setInterval(watch, WATCH_MS);
  document.addEventListener("visibilitychange", function () {
    if (!document.hidden) {
      stirAt = Date.now() + WATCH_MS;
    }
    watch();
  });
})();

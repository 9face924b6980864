/* Staff's lists of cases by the keyboard: shortcuts that can be switched off, and filters that leave out what isn't set.
   Everything is done by links and buttons of the page; without this script they are pressed by hand. */
(function () {
  "use strict";

  var SWITCH = "shortcuts";
  var TYPING = "input:not([type=radio]):not([type=checkbox]), select, textarea, [contenteditable]";

  function byId(id) { return document.getElementById(id); }

  // A browser that keeps nothing has them switched on.
  function isOn() {
    try { return localStorage.getItem(SWITCH) !== "off"; } catch (refused) { return true; }
  }

  function turn(on) {
    try { localStorage.setItem(SWITCH, on ? "on" : "off"); } catch (refused) { /* for this page only */ }
  }

  function step(by) {
    var links = Array.prototype.slice.call(document.querySelectorAll(".list tbody th a"));
    var row = document.activeElement && document.activeElement.closest(".list tbody tr");
    var here = row ? links.indexOf(row.querySelector("th a")) : -1;
    var next = links[here === -1 ? 0 : here + by];
    if (next) next.focus();
  }

  function press(id) {
    var found = byId(id);
    if (found) found.click();
  }

  function toSearch() {
    var words = byId("words") || byId("find");
    if (words) words.focus(); else location.href = "/staff/search";
  }

  function show() {
    byId("shortcuts-on").checked = isOn();
    byId("shortcuts").showModal();
  }

  var KEYS = {
    j: function () { step(1); },
    k: function () { step(-1); },
    n: function () { press("page-next"); },
    p: function () { press("page-previous"); },
    b: function () { press("to-bulk"); },
    "/": toSearch,
    "?": show
  };

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.isComposing) return;
    if (!KEYS[event.key] || !isOn() || document.querySelector("dialog[open]")) return;
    if (event.target.closest && event.target.closest(TYPING)) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  document.addEventListener("click", function (event) {
    if (event.target.id === "shortcuts-open") show();
  });

  document.addEventListener("change", function (event) {
    if (event.target.id === "shortcuts-on") turn(event.target.checked);
  });

  // An address says only what is set.
  document.addEventListener("formdata", function (event) {
    if (!event.target.matches(".filters")) return;
    Array.from(event.formData.keys()).forEach(function (name) {
      if (!event.formData.get(name)) event.formData.delete(name);
    });
  });

  // Where the link that was pressed is gone from the new page, one goes on reading at its list.
  document.addEventListener("htmx:after:settle", function () {
    var told = byId("told");
    if (document.activeElement === document.body && told) { told.tabIndex = -1; told.focus(); }
  });

  // Words of a search stand in no address. They stay in this tab, for who is signed in, so that going back finds again.
  var SEARCHED = "searched";

  function mark(form) { return form.elements.csrf_token.value; }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.matches(".search")) return;
    var kept = JSON.stringify({ of: mark(form), words: form.elements.words.value });
    try { sessionStorage.setItem(SEARCHED, kept); } catch (refused) { /* then going back shows an empty form */ }
  });

  function searchAgain() {
    var form = document.querySelector("form.search");
    var arrived = performance.getEntriesByType("navigation")[0];
    if (!form || form.elements.words.value || !arrived || arrived.type !== "back_forward") return;
    try {
      var kept = JSON.parse(sessionStorage.getItem(SEARCHED) || "{}");
      if (kept.of !== mark(form)) { sessionStorage.removeItem(SEARCHED); return; }
      form.elements.words.value = kept.words;
      form.requestSubmit();
    } catch (refused) { /* nothing was kept */ }
  }

  function ready() {
    var open = byId("shortcuts-open");
    if (open) open.hidden = false;
  }

  document.addEventListener("htmx:after:swap", ready);  // going back brings the page as it was sent
  ready();
  addEventListener("load", searchAgain);  // htmx is ready by then
})();

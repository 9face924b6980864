/* Says before a session ends, and lets it go on; without this script the page says until when it lasts. */
(function () {
  "use strict";

  var WARNED_BEFORE = 300;
  var bar = document.querySelector("[data-session]");
  if (!bar) return;
  var warning = bar.querySelector("[data-session-warning]");
  var over = bar.querySelector("[data-session-over]");
  var began = Date.now();
  var timers = [];

  function show(left) {
    warning.hidden = left > WARNED_BEFORE || left <= 0;
    over.hidden = left > 0;
  }

  function wait(left) {
    timers.forEach(clearTimeout);
    show(left);
    timers = [
      setTimeout(function () { show(WARNED_BEFORE); }, Math.max(0, left - WARNED_BEFORE) * 1000),
      setTimeout(function () { show(0); }, left * 1000)
    ];
  }

  bar.querySelector("[data-session-stay]").addEventListener("click", function () {
    var headers = { Accept: "application/json" };
    if (bar.dataset.csrf) headers["X-CSRF-Token"] = bar.dataset.csrf;
    fetch(bar.dataset.stay, { method: "POST", headers: headers }).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.json();
    }).then(function (session) { wait(session.seconds); }, function () { show(0); });
  });

  /* What htmx fetches into the page uses the session, as a new page would. */
  document.addEventListener("htmx:after:request", function (event) {
    var answer = event.detail.ctx && event.detail.ctx.response;
    if (!bar.dataset.again || !answer || answer.status >= 400) return;
    wait(Math.min(Number(bar.dataset.again), Number(bar.dataset.latest) - (Date.now() - began) / 1000));
  });

  wait(Number(bar.dataset.seconds));
})();
